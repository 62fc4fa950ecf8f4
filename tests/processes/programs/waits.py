"""Makes one call, and waits for its answer."""

from google.cloud import iam_credentials_v1

from tests.safeguards.attacks import account

NAME = account()


def sign() -> None:
    client = iam_credentials_v1.IAMCredentialsClient()
    client.sign_blob(name=NAME, payload=b"text", timeout=60)


if __name__ == "__main__":
    sign()
