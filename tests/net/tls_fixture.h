// What the tests of TLS share: an authority that the client trusts, and TLS in front of the scripted server.
#pragma once

#include "http_fixture.h"
#include "support/certificates.h"
#include "support/temp_dir.h"
#include "support/tls_front.h"

namespace tau::net {

class TlsTest : public HttpTest {
 protected:
  TlsTest() { trust(authority.certificate()); }

  // The client begins anew and trusts these certificates alone.
  void trust(const std::string& certificates) {
    options.ca_file = dir.write("ca.pem", certificates);
    client = make_http_client(*loop, policy, credentials, options);
  }
  std::unique_ptr<test::TlsFront> front(test::TlsOptions how) {
    if (how.identity.certificate.empty()) how.identity = authority.issue("DNS:localhost,IP:127.0.0.1");
    return std::make_unique<test::TlsFront>(std::move(how), server.port());
  }
  HttpRequest get_from(const std::string& url) {
    HttpRequest request = get();
    request.url = url;
    return request;
  }
  // It failed in the handshake, says where and why, and a retry would not help.
  void expect_untrusted(const test::TlsFront& server_front, const std::string& host, std::string_view why) {
    TestSink each;
    const Status status = run(get_from(server_front.url(host)), each);
    EXPECT_EQ(status.reason(), "tls_failed") << status.to_string();
    EXPECT_EQ(status.code(), Code::kUnavailable);
    EXPECT_FALSE(status.retryable());
    EXPECT_EQ(each.heads, 0);
    const std::string place = host + ":" + std::to_string(server_front.port());
    EXPECT_NE(status.message().find(place), std::string_view::npos) << status.to_string();
    EXPECT_NE(status.message().find(why), std::string_view::npos) << status.to_string();
    EXPECT_TRUE(server.requests().empty()) << "nothing may go to a server that did not prove who it is";
  }

  test::TempDir dir;
  test::Authority authority;
};

}  // namespace tau::net
