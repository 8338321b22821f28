"""Who of a consumer group has which partitions: as the group's coordinator knows it."""

from app.core.seal import partition_name
from app.kafka import KafkaOptions
from app.kafka_errors import kafka_errors, started


async def partitions_read(options: KafkaOptions, group: str) -> frozenset[str]:
    """The partitions, by name, that some member of the group has; none while it rebalances.

    Raises:
        Transient: Kafka can not be reached.
        Fatal: it refuses us.
    """
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
    from aiokafka.errors import GroupCoordinatorNotAvailableError

    admin = AIOKafkaAdminClient(**options.client())
    found: set[str] = set()
    with kafka_errors(f"asking who reads in group {group}"):
        try:
            await started(admin, options)
            answers = await admin.describe_consumer_groups([group])
        except GroupCoordinatorNotAvailableError:
            return frozenset()  # a cluster that never had a group has nobody who coordinates one
        finally:
            await admin.close()
        for answer in answers:
            for described in answer.to_object()["groups"]:
                for member in described["members"]:
                    if assignment := member["member_assignment"]:
                        its = ConsumerProtocolMemberAssignment.decode(assignment).partitions()
                        found.update(partition_name(*tp) for tp in its)
    return frozenset(found)
