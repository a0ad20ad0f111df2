"""What can go wrong with an HL7 v2 receiver besides what every receiver can do."""

from hisbridge.errors import DeliveryError, DestinationUnreachable


class DestinationCertificate(DestinationUnreachable):
    """TLS refused the receiving system, or it us, so nothing was told; it is tried again, for its side may mend it.

    `why`: wrong_name, expired, not_yet_valid, self_signed, unknown_authority, old_tls, no_tls or refused; or, where the
    receiver refused the certificate that we showed or misses one, client_refused.
    """

    code = "delivery.certificate"


class QueryFailed(DeliveryError):
    """The receiver did not answer the question for the person's record number (`why`: its codes); nothing was sent."""

    code = "delivery.query_failed"
