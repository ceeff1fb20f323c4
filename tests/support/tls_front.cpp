// A thread for each connection: handshake, then copying until one side ends.
#include "support/tls_front.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "support/loopback.h"

namespace tau::test {
namespace {

using Fault = TlsOptions::Fault;

template <class T, class Read>
T* from_pem(const std::string& text, Read read) {
  BIO* bio = BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
  T* object = read(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  if (object == nullptr) std::abort();
  return object;
}

// Waits for bytes and leaves them there.
void wait_for_bytes(int fd) {
  char byte;
  (void)!recv(fd, &byte, 1, MSG_PEEK);
}
void wait_for_end(int fd) {
  char buffer[4096];
  while (recv(fd, buffer, sizeof buffer, 0) > 0) {}
}

bool write_all(SSL* tls, std::string_view bytes) {
  return bytes.empty() || SSL_write(tls, bytes.data(), static_cast<int>(bytes.size())) > 0;
}

// Client to backend; false at the end.
bool pass_up(SSL* tls, int backend) {
  char buffer[16384];
  do {
    const int n = SSL_read(tls, buffer, sizeof buffer);
    if (n <= 0) return SSL_get_error(tls, n) == SSL_ERROR_WANT_READ;
    if (!send_all(backend, {buffer, static_cast<size_t>(n)})) return false;
  } while (SSL_pending(tls) > 0);
  return true;
}

// Backend to client; false at the end, which is passed on as it came: in order, or as a reset.
bool pass_down(SSL* tls, int client, int backend) {
  char buffer[16384];
  const ssize_t n = recv(backend, buffer, sizeof buffer, 0);
  if (n > 0) return write_all(tls, {buffer, static_cast<size_t>(n)});
  if (n < 0) {
    reset_on_close(client);
  } else {
    SSL_shutdown(tls);
  }
  return false;
}

void relay(SSL* tls, int client, int backend) {
  for (bool up = true, down = true; up && down;) {
    pollfd fds[2] = {{client, POLLIN, 0}, {backend, POLLIN, 0}};
    if (poll(fds, 2, -1) < 0) continue;
    if (fds[0].revents != 0) up = pass_up(tls, backend);
    if (fds[1].revents != 0) down = pass_down(tls, client, backend);
  }
}

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                    unsigned offered_size, void* ours) {
  const auto& wire = *static_cast<std::string*>(ours);
  unsigned char* chosen = nullptr;
  const auto* own = reinterpret_cast<const unsigned char*>(wire.data());
  const int found = SSL_select_next_proto(&chosen, out_size, own, static_cast<unsigned>(wire.size()), offered,
                                          offered_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

}  // namespace

class TlsFront::Impl {
 public:
  Impl(TlsOptions options, uint16_t backend_port) : options_(std::move(options)), backend_(backend_port) {
    X509* certificate = from_pem<X509>(options_.identity.certificate, PEM_read_bio_X509);
    EVP_PKEY* key = from_pem<EVP_PKEY>(options_.identity.key, PEM_read_bio_PrivateKey);
    if (SSL_CTX_use_certificate(context_, certificate) != 1 || SSL_CTX_use_PrivateKey(context_, key) != 1)
      std::abort();
    X509_free(certificate);
    EVP_PKEY_free(key);
    SSL_CTX_clear_mode(context_, SSL_MODE_AUTO_RETRY);  // poll() decides when to read
    if (options_.old_versions_only) {
      SSL_CTX_set_min_proto_version(context_, TLS1_VERSION);
      SSL_CTX_set_max_proto_version(context_, TLS1_1_VERSION);
      SSL_CTX_set_cipher_list(context_, "ALL:@SECLEVEL=0");
    }
    for (const std::string& name : options_.protocols) protocols_ += static_cast<char>(name.size()) + name;
    if (!protocols_.empty()) SSL_CTX_set_alpn_select_cb(context_, choose_protocol, &protocols_);
    server_ = std::make_unique<LoopbackServer>([this](int fd, int) { serve(fd); });
  }
  ~Impl() {
    server_ = nullptr;
    SSL_CTX_free(context_);
  }

  const LoopbackServer& server() const { return *server_; }
  size_t handshakes() const { return handshakes_; }

 private:
  void serve(int client) {
    if (options_.fault == Fault::kSilent) return wait_for_end(client);
    if (options_.fault == Fault::kCloseOnHello || options_.fault == Fault::kResetOnHello) {
      wait_for_bytes(client);
      if (options_.fault == Fault::kResetOnHello) return reset_on_close(client);
      char hello[16384];
      (void)!recv(client, hello, sizeof hello, 0);  // closing over unread bytes would be a reset
      return;
    }
    SSL* tls = SSL_new(context_);
    SSL_set_fd(tls, client);
    if (SSL_accept(tls) == 1) {
      ++handshakes_;
      serve_tls(tls, client);
    }
    SSL_free(tls);
    ERR_clear_error();
  }
  void serve_tls(SSL* tls, int client) {
    if (options_.fault == Fault::kResetAfterHandshake) {
      wait_for_bytes(client);
      return reset_on_close(client);
    }
    const int backend = connect_to_loopback(backend_);
    if (backend < 0) return;
    relay(tls, client, backend);
    close(backend);
  }

  const TlsOptions options_;
  const uint16_t backend_;
  std::string protocols_;  // in the form of the wire
  SSL_CTX* context_ = SSL_CTX_new(TLS_server_method());
  std::atomic<size_t> handshakes_ = 0;
  std::unique_ptr<LoopbackServer> server_;
};

TlsFront::TlsFront(TlsOptions options, uint16_t backend_port)
    : impl_(std::make_unique<Impl>(std::move(options), backend_port)) {}
TlsFront::~TlsFront() = default;

uint16_t TlsFront::port() const { return impl_->server().port(); }
std::string TlsFront::url(const std::string& host, const std::string& target) const {
  return "https://" + host + ":" + std::to_string(port()) + target;
}
size_t TlsFront::connections() const { return impl_->server().connections(); }
size_t TlsFront::handshakes() const { return impl_->handshakes(); }

}  // namespace tau::test
