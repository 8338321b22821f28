{{- /* What every pod of ours has mounted: a place to write, secrets, files, topics. `own` is the
name of a role's own Secret, `topics` that of the ConfigMap. */ -}}

{{- define "forebay.volumes" -}}
{{- $values := .root.Values -}}
- name: tmp
  emptyDir: {sizeLimit: {{ $values.tmpSize }}}
{{- with include "forebay.secret" . }}
- name: secrets
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- with $values.files.existingSecret }}
- name: files
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- if $values.topics.files }}
- name: topics
  configMap:
    name: {{ .topics }}
    items:
      {{- range $path, $text := $values.topics.files }}
      - {key: {{ replace "/" "__" $path }}, path: {{ $path }}}
      {{- end }}
{{- end }}
{{- end -}}

{{- define "forebay.mounts" -}}
- {name: tmp, mountPath: /tmp}
{{- if include "forebay.secret" . }}
- {name: secrets, mountPath: /etc/forebay/secrets, readOnly: true}
{{- end }}
{{- if .root.Values.files.existingSecret }}
- {name: files, mountPath: /etc/forebay/files, readOnly: true}
{{- end }}
{{- if .root.Values.topics.files }}
- {name: topics, mountPath: /etc/forebay/topics, readOnly: true}
{{- end }}
{{- end -}}

{{- /* The settings that follow from what is mounted. */ -}}
{{- define "forebay.places" -}}
{{- if include "forebay.secret" . }}
SECRETS_DIR: /etc/forebay/secrets
{{- end }}
{{- if .root.Values.topics.files }}
TOPICS_DIR: /etc/forebay/topics
{{- end }}
{{- end -}}

{{- define "forebay.topicsData" -}}
{{- range $path, $text := .Values.topics.files }}
{{ replace "/" "__" $path }}: {{ $text | quote }}
{{- end }}
{{- end -}}
