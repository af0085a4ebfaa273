{{/*
The container. Charts of applications use these templates with the values of this one:

  initContainers:
    {{- include "pagoda.sidecar" .Subcharts.pagoda | nindent 4 }}
  containers:
    - name: shop
      {{- include "pagoda.lifecycle" .Subcharts.pagoda | nindent 6 }}
  volumes:
    {{- include "pagoda.volumes" .Subcharts.pagoda | nindent 4 }}
*/}}
{{- define "pagoda.sidecar" -}}
- name: pagoda
  # Starts before the application and ends after it.
  restartPolicy: Always
  {{- include "pagoda.container" . | nindent 2 }}
{{- end }}

{{- define "pagoda.container" -}}
image: {{ .Values.image }}
args: [run, -c, /etc/pagoda/pagoda.yaml]
ports:
  {{- range .Values.ports }}
  - { name: {{ .name }}, containerPort: {{ .targetPort }} }
  {{- end }}
  {{- with int .Values.metricsPort }}
  - { name: metrics, containerPort: {{ . }} }
  {{- end }}
# The admin endpoint is on loopback, where the kubelet cannot reach it, so the probes run the program.
startupProbe:
  exec: { command: [/usr/local/bin/pagoda, healthcheck, -c, /etc/pagoda/pagoda.yaml] }
  periodSeconds: 2
  failureThreshold: 30
  timeoutSeconds: 6
readinessProbe:
  exec: { command: [/usr/local/bin/pagoda, healthcheck, -c, /etc/pagoda/pagoda.yaml] }
  periodSeconds: 10
  timeoutSeconds: 6
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  runAsUser: 65532
  capabilities: { drop: [ALL] }
  seccompProfile: { type: RuntimeDefault }
volumeMounts:
  - { name: pagoda-config, mountPath: /etc/pagoda, readOnly: true }
  {{- range .Values.secrets }}
  - { name: pagoda-secret-{{ .name }}, mountPath: {{ .mountPath }}, readOnly: true }
  {{- end }}
{{- end }}

{{/* For the container that ends first: in a pod with sidecars, that of the application. */}}
{{- define "pagoda.lifecycle" -}}
{{- with int .Values.preStopSeconds -}}
# Nodes and load balancers send it new connections until they have learned that it is gone.
lifecycle: { preStop: { sleep: { seconds: {{ . }} } } }
{{- end }}
{{- end }}

{{- define "pagoda.volumes" -}}
- name: pagoda-config
  configMap: { name: {{ include "pagoda.name" . }} }
{{- range .Values.secrets }}
# Its group may read them: `fsGroup` of the pod.
- name: pagoda-secret-{{ .name }}
  secret: { secretName: {{ .name }}, defaultMode: 0440 }
{{- end }}
{{- end }}

{{/* Longer than preStop, `drain.timeout` and the end of the workers together. */}}
{{- define "pagoda.gracePeriodSeconds" -}}
{{- add .Values.preStopSeconds (include "pagoda.drainSeconds" .) 10 -}}
{{- end }}
