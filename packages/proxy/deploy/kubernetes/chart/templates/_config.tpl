{{/* The configuration, parsed. */}}
{{- define "pagoda.config" -}}
{{- $config := fromYaml .Values.config -}}
{{- with $config.Error }}{{ fail (printf "config must be YAML (%s)" .) }}{{ end -}}
{{- toYaml $config -}}
{{- end }}

{{/* The ports of its listeners, as a map from port to name. */}}
{{- define "pagoda.listeners" -}}
{{- range (include "pagoda.config" . | fromYaml).listeners }}
{{ regexFind "[0-9]+$" .address | quote }}: {{ .name | default "" | quote }}
{{- end }}
{{- end }}

{{/* The namespaces of the services that it follows. */}}
{{- define "pagoda.namespaces" -}}
{{- $namespaces := list -}}
{{- range (include "pagoda.config" . | fromYaml).clusters -}}
{{- with .kubernetes -}}{{- $namespaces = append $namespaces .namespace -}}{{- end -}}
{{- end -}}
{{- $namespaces | uniq | sortAlpha | toYaml -}}
{{- end }}

{{/* `drain.timeout` in seconds, rounded up. The units are those of pagoda. */}}
{{- define "pagoda.drainSeconds" -}}
{{- $drain := (include "pagoda.config" . | fromYaml).drain | default dict -}}
{{- $text := $drain.timeout | default "30s" -}}
{{- $number := regexFind "^[0-9.]+" $text | float64 -}}
{{- $unit := regexFind "[a-z]+$" $text -}}
{{- $seconds := get (dict "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0) $unit -}}
{{- if not $seconds }}{{ fail (printf "config: drain.timeout must be a duration (got %s)" $text) }}{{ end -}}
{{- mulf $number $seconds | ceil | int -}}
{{- end }}

{{/* Refuses values that contradict the configuration. */}}
{{- define "pagoda.check" -}}
{{- $listeners := include "pagoda.listeners" . | fromYaml -}}
{{- range $at, $port := .Values.ports -}}
{{- if not (hasKey $listeners (toString $port.targetPort)) -}}
{{- fail (printf "ports[%d].targetPort must be the port of a listener in config (got %v)" $at $port.targetPort) -}}
{{- end -}}
{{- end -}}
{{- with int .Values.metricsPort -}}
{{- if not (hasKey $listeners (toString .)) -}}
{{- fail (printf "metricsPort must be the port of a listener in config, or 0 (got %d)" .) -}}
{{- end -}}
{{- else -}}
{{- if .Values.podMonitor.enabled }}{{ fail "podMonitor requires metricsPort" }}{{ end -}}
{{- end -}}
{{- end }}
