"""The least rights this program needs in a store, ready to paste.

S3 actions: "Actions, resources, and condition keys for Amazon S3"; Google and Azure: their predefined roles.
"""

from __future__ import annotations

import json

from ocistore_tui.model.stores import Mode, StoreRow

_LOOK = {"bucket": ["s3:ListBucket"], "objects": ["s3:GetObject"]}
_ADD = {
    "bucket": ["s3:ListBucketMultipartUploads"],
    # Deleting is for what a test of the store wrote, and for what is left of an upload that was stopped.
    "objects": ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:DeleteObject"],
}


def policy_of(row: StoreRow) -> str:
    """The rights ``row`` needs in its mode; empty where the system's own file rights are all there is."""
    bucket = str(row.settings.get("bucket", "")) or "BUCKET"
    if row.backend == "s3":
        return _s3(bucket, str(row.settings.get("root_dir", "")).strip("/"), row.mode)
    reads_only = row.mode is Mode.READ_ONLY
    if row.backend == "gcs":
        role = "roles/storage.objectViewer" if reads_only else "roles/storage.objectUser"
        return f"gcloud storage buckets add-iam-policy-binding gs://{bucket} --member=user:YOU --role={role}"
    if row.backend == "azure":
        account = str(row.settings.get("account_name", "")) or "ACCOUNT"
        role = "Storage Blob Data Reader" if reads_only else "Storage Blob Data Contributor"
        scope = (
            "/subscriptions/SUBSCRIPTION/resourceGroups/GROUP/providers/Microsoft.Storage/storageAccounts/"
            f"{account}/blobServices/default/containers/{bucket}"
        )
        return f'az role assignment create --assignee YOU --role "{role}" --scope {scope}'
    return ""


def _s3(bucket: str, root_dir: str, mode: Mode) -> str:
    adds = mode is not Mode.READ_ONLY
    about_bucket = _LOOK["bucket"] + (_ADD["bucket"] if adds else [])
    about_objects = _LOOK["objects"] + (_ADD["objects"] if adds else [])
    arn = f"arn:aws:s3:::{bucket}"
    below = f"{root_dir}/" if root_dir else ""
    statements = [
        {"Effect": "Allow", "Action": about_bucket, "Resource": arn},
        {"Effect": "Allow", "Action": about_objects, "Resource": f"{arn}/{below}*"},
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2)
