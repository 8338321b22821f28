{{- /* What would go wrong later, said now. Arguments: the root, a role's name and values. */ -}}
{{- define "forebay.check" -}}
{{- $r := .role -}}
{{- $values := .root.Values -}}
{{- $settings := include "forebay.settings" (dict "common" $values.settings "own" $r.settings) | fromYaml -}}
{{- $leave := addf $r.drainSeconds $r.preStopSeconds -}}
{{- if le (float64 $r.terminationGracePeriodSeconds) $leave -}}
{{- fail (printf "roles.%s.terminationGracePeriodSeconds is %v: Kubernetes would kill it while it drains. Make it more than preStopSeconds + drainSeconds = %v" .name $r.terminationGracePeriodSeconds $leave) -}}
{{- end -}}
{{- if not $settings.KAFKA__BROKERS -}}
{{- fail "settings.KAFKA__BROKERS is missing: host:port, comma-separated" -}}
{{- end -}}
{{- if eq $settings.WAREHOUSE "duckdb" -}}
{{- fail "settings.WAREHOUSE=duckdb is a file on one machine: pods need snowflake" -}}
{{- end -}}
{{- if not (or (include "forebay.secret" (dict "root" .root "own" $r.existingSecret)) $settings.LEDGER__URL) -}}
{{- fail (printf "the %s has no ledger: put LEDGER__URL into a Secret and name it in secrets.existingSecret" .name) -}}
{{- end -}}
{{- if hasPrefix "sqlite" (default "" $settings.LEDGER__URL) -}}
{{- fail "settings.LEDGER__URL is SQLite, a file on one machine: pods need mongodb://" -}}
{{- end -}}
{{- if eq .name "gateway" -}}
{{- if not (or $values.keys.existingSecret $values.keys.open) -}}
{{- fail "nobody says who may send: name the Secret with the keys in keys.existingSecret (`forebay keys new`), or set keys.open=true if something in front of the gateway checks it" -}}
{{- end -}}
{{- end -}}
{{- with $r.autoscaling -}}
{{- if and (ne .kind "none") (gt (int .minReplicas) (int .maxReplicas)) -}}
{{- fail (printf "roles.%s.autoscaling: minReplicas is more than maxReplicas" $.name) -}}
{{- end -}}
{{- if and (eq .kind "keda") (ne $.name "worker") -}}
{{- fail (printf "roles.%s.autoscaling.kind=keda counts what a worker has still to read: it is for the worker" $.name) -}}
{{- end -}}
{{- if and (eq .kind "keda") (ne (default "PLAINTEXT" $settings.KAFKA__SECURITY_PROTOCOL) "PLAINTEXT") (not .authenticationRef) -}}
{{- fail (printf "roles.%s.autoscaling.authenticationRef is missing: KEDA asks Kafka itself, and Kafka wants %s" $.name $settings.KAFKA__SECURITY_PROTOCOL) -}}
{{- end -}}
{{- end -}}
{{- end -}}
