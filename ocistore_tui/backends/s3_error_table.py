"""What S3 servers and botocore say when something is wrong, in the program's words: one table.

Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

from ocistore_tui.backends.rows import Row
from ocistore_tui.errors import (
    AccessDenied,
    IntegrityError,
    NoSpace,
    NotFound,
    PreconditionFailed,
    Refused,
    StoreMissing,
    Throttled,
    Unavailable,
    Unsupported,
    UsageError,
)

PERMISSIONS = {
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "CompleteMultipartUpload": "s3:PutObject",
    "CopyObject": "s3:GetObject and s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject",
    "DeleteObjects": "s3:DeleteObject",
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "ListObjectsV2": "s3:ListBucket",
    "PutObject": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "UploadPartCopy": "s3:GetObject and s3:PutObject",
}
_LOOK_AGAIN = "look at the new state and try again"
_AGAIN = "run the same command again: finished blobs are kept"

DENIED = Row(
    AccessDenied,
    "the store refuses access",
    "the credentials lack {permission}; without s3:ListBucket it may also mean that the object does not exist",
    "grant {permission} on the bucket {bucket} and its objects (arn:aws:s3:::{bucket}, arn:aws:s3:::{bucket}/*)",
)
UNKNOWN_CALLER = Row(
    AccessDenied,
    "the store does not accept the credentials",
    "the access key is unknown to the server, or the secret key is not its own",
    "check --access-key and --secret-key, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the --profile",
)
UNSIGNED = Row(
    AccessDenied,
    "the store does not take unsigned requests",
    "it has no anonymous access, or does not know this kind of signature",
    "leave out --anonymous and give --access-key and --secret-key, or --profile",
)
EXPIRED = Row(
    AccessDenied,
    "the credentials have expired",
    "temporary credentials are valid for some hours only",
    "get new ones (aws sso login, or your STS command), then run again; all of key, secret and session token change",
)
NO_CREDENTIALS = Row(
    AccessDenied,
    "no credentials found",
    "neither options, environment, profile nor the machine's role give any",
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give --profile, or --anonymous for a public bucket",
)
SSO = Row(AccessDenied, "the SSO session has expired", "", "run: aws sso login (with your --profile)")
LOGIN = Row(AccessDenied, "the AWS login has expired", "", "run: aws login (with your --profile)")
NO_BUCKET = Row(
    StoreMissing,
    "the bucket {bucket} does not exist",
    "",
    "check the bucket's name and --endpoint, or create it: aws s3 mb s3://{bucket}{endpoint}",
)
NO_OBJECT = Row(NotFound, "no such object", "it is not in the bucket", "refresh the list, or verify the image")
WRONG_REGION = Row(
    UsageError,
    "the bucket is in another region",
    "the server expects region {region}",
    "use --region {region}",
)
CLOCK = Row(
    AccessDenied,
    "the clock of this machine is wrong",
    "the store refuses requests signed more than 15 minutes off",
    "set the clock (timedatectl set-ntp true), then run again",
)
THROTTLED = Row(
    Throttled,
    "the store asks to slow down",
    "too many requests, also after several tries",
    "wait a minute and run again, with a smaller --concurrency",
)
CHANGED = Row(
    PreconditionFailed, "somebody else changed the object", "it is another version than expected", _LOOK_AGAIN
)
ARCHIVED = Row(
    Refused,
    "the object is archived",
    "its storage class (Glacier) cannot be read at once",
    "restore it first: aws s3api restore-object --bucket {bucket} --key …{endpoint}",
)
FAILING = Row(
    Unavailable, "the store fails", "the server reports an error of its own, also after several tries", _AGAIN
)
UNREACHABLE = Row(
    Unavailable, "the store cannot be reached", "", "check the network, the proxy settings, --endpoint and --region"
)
CUT = Row(Unavailable, "the connection to the store broke", "", _AGAIN)
SILENT = Row(
    Unavailable,
    "the store is silent",
    "it takes the connection and does not answer in time",
    "check --endpoint and the server, then run the same command again: finished blobs are kept",
)
TLS = Row(
    Unavailable,
    "the server's certificate is not trusted",
    "",
    "give the issuing authority with --ca-bundle; check the host name in --endpoint",
)
NOT_S3 = Row(
    Unsupported,
    "this is not an S3 endpoint",
    "the answer is not that of the S3 API",
    "check --endpoint (the API's port, not the console's), and whether a proxy or a login page is in between",
)
NOT_OFFERED = Row(
    Unsupported, "the server does not offer the operation", "", "use another server, or an option it does support"
)
FULL = Row(
    NoSpace, "the store is full", "a quota or its disks are used up", "make room or raise the quota, then run again"
)
TOO_LARGE = Row(NoSpace, "the object is too large for the server", "", "use smaller layers, or another server")
BAD_REQUEST = Row(Unavailable, "the store refuses the request", "", "check --endpoint, --region and the bucket's name")
BAD_NAME = Row(UsageError, "the bucket's name or a key is not usable", "", "check the bucket's name and the --root-dir")
PROFILE = Row(UsageError, "the AWS profile cannot be used", "", "see: aws configure list-profiles")
UPLOAD_GONE = Row(Unavailable, "the upload is gone", "somebody aborted it, or a lifecycle rule did", _AGAIN)
DAMAGED = Row(
    IntegrityError, "data was damaged on the way", "its checksum is wrong", "run again; then verify the image"
)
SHORT = Row(IntegrityError, "the object is shorter than asked for", "the range is past its end", "verify the image")
KMS = Row(
    AccessDenied,
    "the encryption key cannot be used",
    "KMS refuses the key",
    "check --sse-kms-key-id, and grant kms:GenerateDataKey and kms:Decrypt on the key",
)
SSE = Row(UsageError, "the server refuses the encryption or storage class", "", "change --sse or --storage-class")

BY_CODE = {
    "AccessDenied": DENIED,
    "AccountProblem": DENIED,
    "AllAccessDisabled": DENIED,
    "AuthorizationHeaderMalformed": WRONG_REGION,
    "BadDigest": DAMAGED,
    "BandwidthLimitExceeded": THROTTLED,
    "ConditionalRequestConflict": CHANGED,
    "EntityTooLarge": TOO_LARGE,
    "ExpiredToken": EXPIRED,
    "ExpiredTokenException": EXPIRED,
    "IllegalLocationConstraintException": WRONG_REGION,
    "InternalError": FAILING,
    "InvalidAccessKeyId": UNKNOWN_CALLER,
    "InvalidBucketName": BAD_NAME,
    "InvalidDigest": DAMAGED,
    "InvalidEncryptionAlgorithmError": SSE,
    "InvalidObjectState": ARCHIVED,
    "InvalidRange": SHORT,
    "InvalidSecurity": UNKNOWN_CALLER,
    "InvalidStorageClass": SSE,
    "InvalidToken": EXPIRED._replace(message="the session token is not valid"),
    "KMS.DisabledException": KMS,
    "KMS.KMSInvalidStateException": KMS,
    "KMS.NotFoundException": KMS,
    "KeyTooLongError": BAD_NAME,
    "MethodNotAllowed": NOT_OFFERED,
    "MissingContentLength": NOT_OFFERED._replace(
        cause="it does not take the trailing checksums of newer clients",
        fix="set AWS_REQUEST_CHECKSUM_CALCULATION=when_required",
    ),
    "NoSuchBucket": NO_BUCKET,
    "NoSuchKey": NO_OBJECT,
    "NoSuchUpload": UPLOAD_GONE,
    "NoSuchVersion": NO_OBJECT,
    "NotImplemented": NOT_OFFERED,
    "NotSignedUp": DENIED,
    "OperationAborted": THROTTLED._replace(cause="another change of the same thing is under way"),
    "PermanentRedirect": WRONG_REGION,
    "PreconditionFailed": CHANGED,
    "QuotaExceeded": FULL,
    "RequestLimitExceeded": THROTTLED,
    "RequestTimeTooSkewed": CLOCK,
    "RequestTimeout": CUT._replace(cause="the server waited too long for the data"),
    "ServiceUnavailable": THROTTLED,
    "SignatureDoesNotMatch": UNKNOWN_CALLER,
    "SlowDown": THROTTLED,
    "Throttling": THROTTLED,
    "ThrottlingException": THROTTLED,
    "TokenRefreshRequired": EXPIRED,
    "TooManyRequests": THROTTLED,
    "UnauthorizedAccess": DENIED,
    "UnsupportedAlgorithm": UNSIGNED,  # rclone, of a request without a signature
    "XAmzContentChecksumMismatch": DAMAGED,
    "XAmzContentSHA256Mismatch": DAMAGED,
    "XMinioStorageFull": FULL,
    "XMinioAdminBucketQuotaExceeded": FULL,
}
BY_STATUS = {
    301: WRONG_REGION,
    307: WRONG_REGION,
    400: BAD_REQUEST,
    401: UNKNOWN_CALLER,
    403: DENIED,
    404: NO_OBJECT,
    405: NOT_OFFERED,
    407: UNREACHABLE._replace(cause="the proxy wants a password"),
    408: CUT,
    409: CHANGED,
    411: NOT_OFFERED,
    412: CHANGED,
    413: TOO_LARGE,
    416: SHORT,
    429: THROTTLED,
    501: NOT_OFFERED,
    503: THROTTLED,
    507: FULL,
}
# Some classes are newer than the oldest botocore that will do.
BY_CLASS_NAME: tuple[tuple[str, Row], ...] = (
    ("LoginRefreshRequired", LOGIN),
    ("LoginError", LOGIN),
    ("UnauthorizedSSOTokenError", SSO),
    ("SSOTokenLoadError", SSO),
    ("TokenRetrievalError", SSO),
    ("SSOError", SSO),
    ("NoAuthTokenError", SSO),
    ("NoCredentialsError", NO_CREDENTIALS),
    ("PartialCredentialsError", NO_CREDENTIALS._replace(error=UsageError, message="half a pair of keys", cause="")),
    ("CredentialRetrievalError", NO_CREDENTIALS._replace(message="the credentials cannot be obtained", cause="")),
    ("MetadataRetrievalError", NO_CREDENTIALS._replace(message="the machine's role gives no credentials", cause="")),
    ("ProfileNotFound", PROFILE),
    ("ConfigParseError", PROFILE._replace(message="the AWS configuration file cannot be read")),
    ("ConfigNotFound", PROFILE),
    ("InvalidConfigError", PROFILE),
    ("InvalidRetryConfigurationError", PROFILE),
    ("InvalidChecksumConfigError", PROFILE),
    ("FlexibleChecksumError", DAMAGED),
    ("SSLError", TLS),
    ("ProxyConnectionError", UNREACHABLE._replace(cause="the proxy does not answer")),
    ("EndpointConnectionError", UNREACHABLE),
    ("ConnectTimeoutError", UNREACHABLE._replace(cause="no answer in time")),
    ("ReadTimeoutError", SILENT),
    ("ConnectionClosedError", CUT),
    ("ResponseStreamingError", CUT),
    ("IncompleteReadError", CUT),
    ("HTTPClientError", CUT),
    ("ConnectionError", UNREACHABLE),
    ("ResponseParserError", NOT_S3),
    ("InvalidRegionError", BAD_NAME._replace(message="the region's name is not usable", fix="check --region")),
    ("ParamValidationError", BAD_NAME),
    ("UnsupportedS3ConfigurationError", BAD_NAME),
    ("EndpointProviderError", BAD_NAME),
    ("BotoCoreError", FAILING),
)
