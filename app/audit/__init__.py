"""The proof: ledger, Kafka, objects and warehouse, compared; what does not add up is named.

`audit` runs it, `AuditReport` is the answer, `kafka_logs` asks Kafka. `README.md` beside this
file says what is proved, and what is not.
"""

from app.audit.proof import audit
from app.audit.report import AuditReport, Finding, FindingKind
from app.kafka_logs import KafkaLogs, LogEnds, kafka_logs

__all__ = ["AuditReport", "Finding", "FindingKind", "KafkaLogs", "LogEnds", "audit", "kafka_logs"]
