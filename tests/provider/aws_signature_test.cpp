// AWS Signature V4: the published examples, and what the rules for paths, queries and headers say.
#include "provider/aws_signature.h"

#include <gtest/gtest.h>

#include "provider/provider.h"

namespace tau::provider {
namespace {

constexpr int64_t kTime = 1'440'938'160;  // 2015-08-30 12:36:00

// Put together here, so that no text of the tree has the shape of a key.
std::string example_key() {
  return std::string("AKID") + "EXAMPLE:" + "wJalrXUtnFEMI/K7MDENG" + "+bPxRfiCY" + "EXAMPLEKEY";
}

AwsRequest example(std::string_view path, std::string_view query) {
  AwsRequest request;
  request.method = "GET";
  request.host = "example.amazonaws.com";
  request.path = path;
  request.query = query;
  request.region = "us-east-1";
  request.service = "service";
  request.time_s = kTime;
  return request;
}

std::string value_of(const AwsRequest& request, std::string_view name,
                     const std::string& key = example_key()) {
  const auto headers = sign_aws(request, Secret(key));
  if (!headers.ok()) return headers.status().to_string();
  for (const auto& [known, value] : *headers)
    if (known == name) return value.reveal([](std::string_view text) { return std::string(text); });
  return {};
}

std::string signature_of(const AwsRequest& request, const std::string& key = example_key()) {
  const std::string text = value_of(request, "authorization", key);
  return text.substr(text.find("Signature=") + 10);
}

// get-vanilla and get-vanilla-query-order-key-case of the published suite.
TEST(AwsSignature, PublishedSuite) {
  EXPECT_EQ(value_of(example("/", ""), "authorization"),
            "AWS4-HMAC-SHA256 Credential=" + example_key().substr(0, 11) +
                "/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, "
                "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  EXPECT_EQ(value_of(example("/", ""), "x-amz-date"), "20150830T123600Z");
  EXPECT_EQ(signature_of(example("/", "Param2=value2&Param1=value1")),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
}

// The worked example of the AWS General Reference.
TEST(AwsSignature, WorkedExample) {
  AwsRequest request = example("/", "Action=ListUsers&Version=2010-05-08");
  request.host = "iam.amazonaws.com";
  request.service = "iam";
  request.headers = {{"content-type", "application/x-www-form-urlencoded; charset=utf-8"}};
  EXPECT_EQ(signature_of(request), "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}

// The last three were made by botocore.
TEST(AwsSignature, ARequestOfThisLibrary) {
  AwsRequest request = example("/model/amazon.nova-lite-v1%3A0/converse-stream", "");
  request.method = "POST";
  request.host = "bedrock-runtime.us-east-1.amazonaws.com";
  request.service = "bedrock";
  request.headers = {{"content-type", "application/json"}};
  request.body = R"({"messages":[]})";
  EXPECT_EQ(signature_of(request), "e92babdda2750f102be6c8ece063ed5e38ed09c80b6c56daa77065859d35f153");
  const std::string with_token = example_key() + ":TOKEN/with" + "+chars==";
  EXPECT_EQ(signature_of(request, with_token),
            "50e3057d887dfc42f714a767a41b6f8a7db97fa572e332a4b42e4fdb98238e6a");
  EXPECT_EQ(value_of(request, "x-amz-security-token", with_token), "TOKEN/with+chars==");
}

TEST(AwsSignature, WhatIsEncodedOnceIsEncodedOnceMore) {
  EXPECT_EQ(signature_of(example("/-._~0123456789/%E1%88%B4/a%20b", "x=%20y&a=%2F")),
            "fdcdc6d95fc7b55a093f7d33e95ee32b3e0d9590bf6546e74ba5821081b74dba");
}

std::string canonical(std::string_view path, std::string_view query,
                      std::vector<std::pair<std::string, std::string>> headers = {}) {
  std::string names;
  const std::string text = aws_canonical_request(example(path, query), std::move(headers), names);
  return text.substr(0, text.rfind('\n'));
}

TEST(AwsSignature, CanonicalForms) {
  EXPECT_EQ(canonical("", ""), "GET\n/\n\n\n");
  EXPECT_EQ(canonical("//a/./b/../c//", ""), "GET\n/a/c/\n\n\n");
  EXPECT_EQ(canonical("/../..", ""), "GET\n/\n\n\n");
  EXPECT_EQ(canonical("/", "b=2&a=3&a=1&c&d=%7E%2f&&e=a b"), "GET\n/\na=1&a=3&b=2&c=&d=~%2F&e=a%20b\n\n");
  EXPECT_EQ(canonical("/", "", {{"b", "  x   y "}, {"a", "1"}, {"b", "2"}}), "GET\n/\n\na:1\nb:x y,2\n\na;b");
}

TEST(AwsSignature, AKeyHasTwoOrThreeParts) {
  for (const std::string_view bad : {"", "id", "id:", ":secret", "a/b:secret", "id:secret:token:more"}) {
    EXPECT_FALSE(is_aws_key(bad)) << bad;
    EXPECT_EQ(sign_aws(example("/", ""), Secret(bad)).status().reason(), "bad_aws_key");
  }
  EXPECT_TRUE(is_aws_key("id:secret"));
  EXPECT_TRUE(is_aws_key("id:secret:token"));
}

TEST(AwsSignature, TheHostNamesTheRegion) {
  EXPECT_EQ(aws_region_of("bedrock-runtime.eu-west-3.amazonaws.com"), "eu-west-3");
  EXPECT_EQ(aws_region_of("bedrock-runtime.cn-north-1.amazonaws.com.cn"), "cn-north-1");
  EXPECT_EQ(aws_region_of("vpce-1.bedrock-runtime.us-east-2.vpce.amazonaws.com"), "us-east-2");
  EXPECT_EQ(aws_region_of("127.0.0.1"), "");
  EXPECT_EQ(aws_region_of("amazonaws.com"), "");
}

}  // namespace
}  // namespace tau::provider
