{{- /* A role's pod. Arguments: the root, the role's name and values. */ -}}

{{- define "forebay.roleEnv" -}}
{{- $prefix := upper .name -}}
{{- $values := .root.Values -}}
{{- $env := include "forebay.settings" (dict "common" $values.settings "own" .role.settings) | fromYaml -}}
{{- $_ := set $env "ROLE" .name -}}
{{- $_ := set $env "DRAIN_SECONDS" (include "forebay.text" .role.drainSeconds) -}}
{{- $_ := set $env (printf "%s__HOST" $prefix) "0.0.0.0" -}}
{{- $_ := set $env (printf "%s__PORT" $prefix) (include "forebay.text" .role.port) -}}
{{- if ne .role.data.kind "none" -}}
{{- $_ := set $env (printf "%s__DATA_DIR" $prefix) "/data" -}}
{{- end -}}
{{- if eq .name "gateway" -}}
{{- if $values.keys.existingSecret -}}
{{- $_ := set $env "GATEWAY__KEYS_FILE" (printf "/etc/forebay/keys/%s" $values.keys.file) -}}
{{- else -}}
{{- $_ := set $env "GATEWAY__OPEN" "true" -}}
{{- end -}}
{{- end -}}
{{- $places := include "forebay.places" (dict "root" .root "own" .role.existingSecret) | fromYaml -}}
{{- include "forebay.env" (merge $env $places) -}}
{{- end -}}

{{- define "forebay.pod" -}}
{{- $root := .root -}}
{{- $values := .root.Values -}}
{{- $r := .role -}}
{{- $own := dict "root" .root "own" $r.existingSecret "topics" (printf "%s-topics" (include "forebay.fullname" .root)) -}}
metadata:
  labels:
    {{- include "forebay.labels" (dict "root" .root "component" .name) | nindent 4 }}
    {{- with $r.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/topics: {{ include "forebay.topicsData" .root | sha256sum }}
    {{- with $r.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "forebay.serviceAccount" .root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ $r.terminationGracePeriodSeconds }}
  {{- with $r.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  securityContext:
    {{- include "forebay.podSecurity" .root | nindent 4 }}
  {{- if or $r.spread.zones $r.spread.nodes }}
  topologySpreadConstraints:
    {{- range $key, $on := dict "topology.kubernetes.io/zone" $r.spread.zones "kubernetes.io/hostname" $r.spread.nodes }}
    {{- if $on }}
    - topologyKey: {{ $key }}
      maxSkew: 1
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "forebay.selector" (dict "root" $root "component" $.name) | nindent 10 }}
      {{- if eq $r.kind "Deployment" }}
      matchLabelKeys: [pod-template-hash]
      {{- end }}
    {{- end }}
    {{- end }}
  {{- end }}
  {{- with $r.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $r.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .name }}
      image: {{ include "forebay.image" .root }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      args: [run]
      env:
        {{- include "forebay.roleEnv" . | trim | nindent 8 }}
        {{- if eq .name "worker" }}
        - name: WORKER__INSTANCE
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        {{- end }}
      ports:
        - {name: http, containerPort: {{ $r.port }}}
      startupProbe:
        httpGet: {path: /livez, port: http}
        periodSeconds: 2
        failureThreshold: 60
      livenessProbe:
        httpGet: {path: /livez, port: http}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: /readyz, port: http}
        periodSeconds: 5
        timeoutSeconds: 3
      {{- if $r.preStopSeconds }}
      lifecycle:
        preStop:
          sleep: {seconds: {{ $r.preStopSeconds }}}
      {{- end }}
      resources:
        {{- toYaml $r.resources | nindent 8 }}
      securityContext:
        {{- include "forebay.containerSecurity" .root | nindent 8 }}
      volumeMounts:
        {{- include "forebay.mounts" $own | nindent 8 }}
        {{- if ne $r.data.kind "none" }}
        - {name: data, mountPath: /data}
        {{- end }}
        {{- if and (eq .name "gateway") $values.keys.existingSecret }}
        - {name: keys, mountPath: /etc/forebay/keys, readOnly: true}
        {{- end }}
  volumes:
    {{- include "forebay.volumes" $own | nindent 4 }}
    {{- if eq $r.data.kind "scratch" }}
    - name: data
      emptyDir: {sizeLimit: {{ $r.data.size }}}
    {{- end }}
    {{- if and (eq .name "gateway") $values.keys.existingSecret }}
    - name: keys
      secret: {secretName: {{ $values.keys.existingSecret }}, defaultMode: 0440}
    {{- end }}
{{- end -}}
