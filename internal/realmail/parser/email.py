"""Reads a message from standard input and writes what Python's email package sees as JSON."""

import email
import email.policy
import hashlib
import json
import sys


def addresses(field):
    return [{"Name": a.display_name, "Address": a.addr_spec} for a in field.addresses] if field else []


def leaf(part):
    content = part.get_payload(decode=True) or b""
    text = ""
    if part.get_content_maintype() == "text":
        content = content.replace(b"\r\n", b"\n")
        text = content.decode(part.get_content_charset("us-ascii"))
    return {
        "ContentType": part.get_content_type(),
        "Disposition": part.get_content_disposition() or "",
        "Filename": part.get_filename() or "",
        "ContentID": str(part.get("Content-ID", "")).strip(" <>"),
        "SHA256": hashlib.sha256(content).hexdigest(),
        "Text": text,
    }


message = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
json.dump(
    {
        "Subject": str(message.get("Subject", "")),
        "From": addresses(message["From"]),
        "To": addresses(message["To"]),
        "Cc": addresses(message["Cc"]),
        "Parts": [leaf(part) for part in message.walk() if not part.is_multipart()],
    },
    sys.stdout,
)
