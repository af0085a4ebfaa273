{{/* The name of everything. */}}
{{- define "pagoda.name" -}}
{{- if contains "pagoda" .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-pagoda" .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "pagoda.selector" -}}
app.kubernetes.io/name: pagoda
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "pagoda.labels" -}}
{{ include "pagoda.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "pagoda.serviceAccount" -}}
{{- if and (eq .Values.mode "sidecar") (not .Values.serviceAccount) -}}
{{- fail "serviceAccount must be that of the pod, for clusters with `kubernetes` in a sidecar" -}}
{{- end -}}
{{- .Values.serviceAccount | default (include "pagoda.name" .) -}}
{{- end }}
