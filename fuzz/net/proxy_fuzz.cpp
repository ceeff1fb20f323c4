// The head of a request to the proxy: what is forwarded is one request, to the server that was judged.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/net.h"
#include "net/proxy_request.h"

namespace {

void require(bool law) {
  if (!law) std::abort();
}

size_t count(std::string_view text, std::string_view what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++n;
  return n;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tau::net;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const size_t head = proxy_head_bytes(bytes);
  if (head == 0) return 0;
  const auto request = parse_proxy_request(std::string_view(bytes).substr(0, head));
  if (!request.ok()) return 0;
  const auto url = parse_url(request->url.origin() + request->url.target);
  require(url.ok() && url->origin() == request->url.origin());
  if (request->tunnel) {
    require(request->head.empty() && request->url.scheme == "https" && request->url.target == "/");
    return 0;
  }
  require(request->url.scheme == "http");
  const std::string& forwarded = request->head;
  require(proxy_head_bytes(forwarded) == forwarded.size());
  require(count(forwarded, "\n") == count(forwarded, "\r\n") &&
          count(forwarded, "\r") == count(forwarded, "\n"));
  require(count(forwarded, "\r\nhost: ") == 1 && count(forwarded, "\r\nconnection: ") == 1);
  require(count(forwarded, "\r\ncontent-length: ") <= 1 && count(forwarded, "\r\ntransfer-encoding:") == 0);
  // Read again, as a request for the same place, it says the same.
  const size_t space = forwarded.find(' ');
  const std::string again = forwarded.substr(0, space + 1) + "http://" + request->url.origin().substr(7) +
                            forwarded.substr(space + 1);
  const auto second = parse_proxy_request(again);
  if (again.size() > kMaxProxyHeadBytes) return 0;
  require(second.ok() && second->url.origin() == request->url.origin());
  require(second->url.target == request->url.target && second->body_bytes == request->body_bytes);
  return 0;
}
