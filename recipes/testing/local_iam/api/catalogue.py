"""What the service knows from the start: permissions, predefined roles, auditable services.

A selection of the real ones. The permissions of `iam.googleapis.com` on service accounts, their
keys and custom roles are complete; of other services there are the common ones.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class PermissionEntry:
    """A permission."""

    name: str
    in_custom_roles: bool = True


@dataclass(frozen=True)
class PredefinedRole:
    """A role that Google defined."""

    name: str
    title: str
    description: str
    permissions: tuple[str, ...]

    @property
    def on_service_account(self) -> bool:
        """Say whether the policy of a service account may hold it."""
        return self.name in BASIC or any(name in ON_SERVICE_ACCOUNT for name in self.permissions)


def _expand(*groups: str) -> tuple[str, ...]:
    """Return the permissions of groups such as `iam.roles: get list`."""
    found = []
    for group in groups:
        prefix, _, verbs = group.partition(": ")
        found += [f"{prefix}.{verb}" for verb in verbs.split()]
    return tuple(sorted(found))


ACCOUNTS = (
    "iam.serviceAccounts: actAs create createTagBinding delete deleteTagBinding disable enable get "
    "getAccessToken getIamPolicy getOpenIdToken implicitDelegation list listEffectiveTags "
    "listTagBindings setIamPolicy signBlob signJwt undelete update"
)
KEYS = "iam.serviceAccountKeys: create delete disable enable get list"
ROLES_GROUP = "iam.roles: create delete get list undelete update"
PROJECT_READ = "resourcemanager.projects: get list"
PROJECT_ALL = (
    "resourcemanager.projects: create createBillingAssignment delete deleteBillingAssignment get "
    "getIamPolicy list move setIamPolicy undelete update updateLiens"
)
BUCKETS = (
    "storage.buckets: create createTagBinding delete deleteTagBinding get getIamPolicy list "
    "listEffectiveTags listTagBindings setIamPolicy update"
)
OBJECTS = "storage.objects: create delete get getIamPolicy list restore setIamPolicy update"
OBJECTS_READ = "storage.objects: get list"
TOPICS = (
    "pubsub.topics: attachSubscription create delete detachSubscription get getIamPolicy list "
    "publish setIamPolicy update updateTag"
)
SUBSCRIPTIONS = (
    "pubsub.subscriptions: consume create delete get getIamPolicy list setIamPolicy update"
)
LOGS = "logging.logEntries: create list route"
LOG_VIEW = "logging.logs: list"
SECRETS = "secretmanager.secrets: create delete get getIamPolicy list setIamPolicy update"
VERSIONS = "secretmanager.versions: access add destroy disable enable get list"
CRYPTO = (
    "cloudkms.cryptoKeys: create get getIamPolicy list setIamPolicy update",
    "cloudkms.cryptoKeyVersions: create destroy get list restore update viewPublicKey",
    "cloudkms.cryptoKeyVersions: useToDecrypt useToEncrypt useToSign useToVerify",
    "cloudkms.keyRings: create get getIamPolicy list setIamPolicy",
)
INSTANCES = (
    "compute.instances: attachDisk create delete detachDisk get getIamPolicy getSerialPortOutput "
    "list osAdminLogin osLogin reset setIamPolicy setLabels setMachineType setMetadata "
    "setServiceAccount setTags start stop update use"
)
BIGQUERY = (
    "bigquery.datasets: create delete get getIamPolicy setIamPolicy update",
    "bigquery.jobs: create get list listAll update",
    "bigquery.tables: create delete export get getData getIamPolicy list setIamPolicy",
    "bigquery.tables: update updateData",
)
RUN = "run.services: create delete get getIamPolicy list setIamPolicy update"
INVOKE = "run.routes: get invoke list"
FUNCTIONS = (
    "cloudfunctions.functions: call create delete get getIamPolicy invoke list setIamPolicy update"
)

NOT_IN_CUSTOM_ROLES = {
    "resourcemanager.projects.create",
    "resourcemanager.projects.move",
    "resourcemanager.projects.list",
}

EVERY_GROUP = (
    ACCOUNTS,
    KEYS,
    ROLES_GROUP,
    PROJECT_ALL,
    BUCKETS,
    OBJECTS,
    TOPICS,
    SUBSCRIPTIONS,
    LOGS,
    LOG_VIEW,
    SECRETS,
    VERSIONS,
    *CRYPTO,
    INSTANCES,
    *BIGQUERY,
    RUN,
    INVOKE,
    FUNCTIONS,
)
PERMISSIONS = {
    name: PermissionEntry(name, name not in NOT_IN_CUSTOM_ROLES) for name in _expand(*EVERY_GROUP)
}
ON_SERVICE_ACCOUNT = frozenset(_expand(ACCOUNTS, KEYS)) - {"iam.serviceAccounts.create"}
COMPLETE = ("iam.serviceAccounts.", "iam.serviceAccountKeys.", "iam.roles.")
FORM = re.compile(r"[a-z][a-z0-9-]*(\.[A-Za-z][A-Za-z0-9]*){2}")
BASIC = ("roles/owner", "roles/editor", "roles/viewer")


def known(permission: str) -> bool:
    """Say whether a permission exists.

    Of services that the catalogue holds in part, every name of the right form counts as one.
    """
    if permission in PERMISSIONS:
        return True
    return FORM.fullmatch(permission) is not None and not permission.startswith(COMPLETE)


def _reads(name: str) -> bool:
    return name.rpartition(".")[2].startswith(("get", "list")) and not name.startswith(
        ("iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.getOpenIdToken")
    )


def _all_but_secrets(name: str) -> bool:
    tokens = ("getAccessToken", "getOpenIdToken", "implicitDelegation", "signBlob", "signJwt")
    return not name.startswith("iam.serviceAccounts.") or not name.endswith(tokens)


_OWNER = tuple(name for name in PERMISSIONS if _all_but_secrets(name))
_EDITOR = tuple(
    name for name in _OWNER if not name.endswith("setIamPolicy") and ".roles." not in name
)
_VIEWER = tuple(name for name in _OWNER if _reads(name))

_DEFINED: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("owner", "Owner", "Full access to most Google Cloud resources.", _OWNER),
    ("editor", "Editor", "View, create, update, and delete most resources.", _EDITOR),
    ("viewer", "Viewer", "View most Google Cloud resources.", _VIEWER),
    (
        "browser",
        "Browser",
        "Access to browse GCP resources.",
        _expand("resourcemanager.projects: get getIamPolicy list"),
    ),
    (
        "iam.organizationRoleAdmin",
        "Organization Role Administrator",
        "Access to administer all custom roles in the organization and the projects below it.",
        _expand(ROLES_GROUP, "resourcemanager.projects: get getIamPolicy list"),
    ),
    (
        "iam.roleAdmin",
        "Role Administrator",
        "Provides access to all custom roles in the project.",
        _expand(ROLES_GROUP, "resourcemanager.projects: get getIamPolicy"),
    ),
    (
        "iam.roleViewer",
        "Role Viewer",
        "Provides read access to all custom roles in the project.",
        _expand("iam.roles: get list", "resourcemanager.projects: get getIamPolicy"),
    ),
    (
        "iam.securityAdmin",
        "Security Admin",
        "Security admin role, with permissions to get and set any IAM policy.",
        tuple(n for n in PERMISSIONS if n.endswith(("IamPolicy", ".list"))),
    ),
    (
        "iam.securityReviewer",
        "Security Reviewer",
        "Security reviewer role, with permissions to get any IAM policy.",
        tuple(n for n in PERMISSIONS if n.endswith(("getIamPolicy", ".list"))),
    ),
    (
        "iam.serviceAccountAdmin",
        "Service Account Admin",
        "Create and manage service accounts.",
        _expand(
            "iam.serviceAccounts: create createTagBinding delete deleteTagBinding disable enable "
            "get getIamPolicy list listEffectiveTags listTagBindings setIamPolicy undelete update",
            PROJECT_READ,
        ),
    ),
    (
        "iam.serviceAccountCreator",
        "Create Service Accounts",
        "Access to create service accounts.",
        _expand("iam.serviceAccounts: create get list", PROJECT_READ),
    ),
    (
        "iam.serviceAccountDeleter",
        "Delete Service Accounts",
        "Access to delete service accounts.",
        _expand("iam.serviceAccounts: delete get list", PROJECT_READ),
    ),
    (
        "iam.serviceAccountKeyAdmin",
        "Service Account Key Admin",
        "Create and manage (and rotate) service account keys.",
        _expand(KEYS, "iam.serviceAccounts: get list", PROJECT_READ),
    ),
    (
        "iam.serviceAccountOpenIdTokenCreator",
        "Service Account OpenID Connect Identity Token Creator",
        "Create OpenID Connect (OIDC) identity tokens.",
        ("iam.serviceAccounts.getOpenIdToken",),
    ),
    (
        "iam.serviceAccountTokenCreator",
        "Service Account Token Creator",
        "Impersonate service accounts (create OAuth2 access tokens, sign blobs or JWTs, etc).",
        _expand(
            "iam.serviceAccounts: get getAccessToken getOpenIdToken implicitDelegation list "
            "signBlob signJwt",
            PROJECT_READ,
        ),
    ),
    (
        "iam.serviceAccountUser",
        "Service Account User",
        "Run operations as the service account.",
        _expand("iam.serviceAccounts: actAs get list", PROJECT_READ),
    ),
    (
        "iam.serviceAccountViewer",
        "View Service Accounts",
        "Read access to service accounts, metadata, and keys.",
        _expand(
            "iam.serviceAccounts: get getIamPolicy list listEffectiveTags listTagBindings",
            "iam.serviceAccountKeys: get list",
            PROJECT_READ,
        ),
    ),
    (
        "iam.workloadIdentityUser",
        "Workload Identity User",
        "Impersonate service accounts from federated workloads.",
        _expand("iam.serviceAccounts: get getAccessToken getOpenIdToken list"),
    ),
    (
        "resourcemanager.projectCreator",
        "Project Creator",
        "Access to create new GCP projects.",
        _expand("resourcemanager.projects: create"),
    ),
    (
        "resourcemanager.projectDeleter",
        "Project Deleter",
        "Access to delete GCP projects.",
        _expand("resourcemanager.projects: delete"),
    ),
    (
        "resourcemanager.projectIamAdmin",
        "Project IAM Admin",
        "Access and administer a project IAM policies.",
        _expand("resourcemanager.projects: get getIamPolicy setIamPolicy"),
    ),
    (
        "storage.admin",
        "Storage Admin",
        "Grants full control of buckets and objects.",
        _expand(BUCKETS, OBJECTS, PROJECT_READ),
    ),
    (
        "storage.objectAdmin",
        "Storage Object Admin",
        "Grants full control over objects.",
        _expand(OBJECTS, PROJECT_READ),
    ),
    (
        "storage.objectCreator",
        "Storage Object Creator",
        "Allows users to create objects.",
        _expand("storage.objects: create", PROJECT_READ),
    ),
    (
        "storage.objectUser",
        "Storage Object User",
        "Access to create, read, update and delete objects.",
        _expand("storage.objects: create delete get list update", PROJECT_READ),
    ),
    (
        "storage.objectViewer",
        "Storage Object Viewer",
        "Grants access to view objects.",
        _expand(OBJECTS_READ, PROJECT_READ),
    ),
    (
        "storage.legacyBucketReader",
        "Storage Legacy Bucket Reader",
        "Read access to buckets with object listing.",
        _expand("storage.buckets: get", "storage.objects: list"),
    ),
    (
        "pubsub.admin",
        "Pub/Sub Admin",
        "Full access to topics and subscriptions.",
        _expand(TOPICS, SUBSCRIPTIONS, PROJECT_READ),
    ),
    (
        "pubsub.editor",
        "Pub/Sub Editor",
        "Modify topics and subscriptions.",
        tuple(n for n in _expand(TOPICS, SUBSCRIPTIONS) if not n.endswith("IamPolicy")),
    ),
    (
        "pubsub.publisher",
        "Pub/Sub Publisher",
        "Publish messages to a topic.",
        _expand("pubsub.topics: publish"),
    ),
    (
        "pubsub.subscriber",
        "Pub/Sub Subscriber",
        "Consume messages from a subscription.",
        _expand("pubsub.subscriptions: consume", "pubsub.topics: attachSubscription"),
    ),
    (
        "pubsub.viewer",
        "Pub/Sub Viewer",
        "View topics and subscriptions.",
        _expand("pubsub.subscriptions: get list", "pubsub.topics: get list"),
    ),
    (
        "logging.admin",
        "Logging Admin",
        "Access to all logging permissions.",
        _expand(LOGS, LOG_VIEW, PROJECT_READ),
    ),
    (
        "logging.logWriter",
        "Logs Writer",
        "Access to write logs.",
        _expand("logging.logEntries: create route"),
    ),
    (
        "logging.viewer",
        "Logs Viewer",
        "Access to view logs.",
        _expand("logging.logEntries: list", LOG_VIEW),
    ),
    (
        "secretmanager.admin",
        "Secret Manager Admin",
        "Full access to administer Secret Manager.",
        _expand(SECRETS, VERSIONS, PROJECT_READ),
    ),
    (
        "secretmanager.secretAccessor",
        "Secret Manager Secret Accessor",
        "Allows accessing the payload of secrets.",
        _expand("secretmanager.versions: access", PROJECT_READ),
    ),
    (
        "secretmanager.viewer",
        "Secret Manager Viewer",
        "Allows viewing metadata of all resources.",
        _expand("secretmanager.secrets: get getIamPolicy list", "secretmanager.versions: get list"),
    ),
    (
        "cloudkms.admin",
        "Cloud KMS Admin",
        "Enables management of crypto resources.",
        tuple(n for n in _expand(*CRYPTO) if ".useTo" not in n),
    ),
    (
        "cloudkms.cryptoKeyEncrypterDecrypter",
        "Cloud KMS CryptoKey Encrypter/Decrypter",
        "Enables Encrypt and Decrypt operations.",
        _expand("cloudkms.cryptoKeyVersions: useToDecrypt useToEncrypt", PROJECT_READ),
    ),
    (
        "cloudkms.signer",
        "Cloud KMS CryptoKey Signer",
        "Enables Sign operations.",
        _expand("cloudkms.cryptoKeyVersions: useToSign", PROJECT_READ),
    ),
    (
        "compute.instanceAdmin.v1",
        "Compute Instance Admin (v1)",
        "Full control of Compute Engine instances.",
        _expand(INSTANCES, PROJECT_READ),
    ),
    (
        "compute.osLogin",
        "Compute OS Login",
        "Access to log in to a Compute Engine instance as a standard user.",
        _expand("compute.instances: get list osLogin", PROJECT_READ),
    ),
    (
        "compute.viewer",
        "Compute Viewer",
        "Read-only access to get and list information about Compute Engine resources.",
        _expand("compute.instances: get getIamPolicy list"),
    ),
    (
        "bigquery.admin",
        "BigQuery Admin",
        "Administer all BigQuery resources and data.",
        _expand(*BIGQUERY, PROJECT_READ),
    ),
    (
        "bigquery.dataViewer",
        "BigQuery Data Viewer",
        "When granted on a dataset: read its metadata and list its tables.",
        _expand(
            "bigquery.datasets: get getIamPolicy",
            "bigquery.tables: export get getData getIamPolicy list",
            PROJECT_READ,
        ),
    ),
    (
        "bigquery.jobUser",
        "BigQuery Job User",
        "Access to run jobs.",
        _expand("bigquery.jobs: create", PROJECT_READ),
    ),
    (
        "run.admin",
        "Cloud Run Admin",
        "Full control over all Cloud Run resources.",
        _expand(RUN, INVOKE, PROJECT_READ),
    ),
    (
        "run.invoker",
        "Cloud Run Invoker",
        "Can invoke Cloud Run services and execute jobs.",
        _expand("run.routes: invoke"),
    ),
    (
        "cloudfunctions.developer",
        "Cloud Functions Developer",
        "Read and write access to all functions-related resources.",
        _expand(
            "cloudfunctions.functions: call create delete get invoke list update", PROJECT_READ
        ),
    ),
    (
        "cloudfunctions.invoker",
        "Cloud Functions Invoker",
        "Ability to invoke HTTP functions with restricted access.",
        _expand("cloudfunctions.functions: invoke"),
    ),
)

ROLES = {
    f"roles/{name}": PredefinedRole(f"roles/{name}", title, description, permissions)
    for name, title, description, permissions in _DEFINED
}

AUDITABLE_SERVICES = (
    "allServices",
    "bigquery.googleapis.com",
    "cloudfunctions.googleapis.com",
    "cloudkms.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "compute.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    "logging.googleapis.com",
    "pubsub.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "storage.googleapis.com",
    "sts.googleapis.com",
)
