// X.509 by OpenSSL: P-256 keys, SHA-256 signatures.
#include "support/certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdlib>

namespace tau::test {
namespace {

constexpr long kDay = 86'400;

template <class T, void (*Free)(T*)>
struct Deleter {
  void operator()(T* object) const { Free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509, X509_free>>;

void require(bool good) {
  if (!good) std::abort();
}

// What `write` puts into a BIO in memory.
template <class Write>
std::string pem(Write write) {
  BIO* bio = BIO_new(BIO_s_mem());
  require(write(bio) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string out(data, static_cast<size_t>(size));
  BIO_free(bio);
  return out;
}

void add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  require(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

Certificate make(EVP_PKEY* key, const char* name, long serial, int64_t valid_days) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -2 * kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), static_cast<long>(valid_days) * kDay);
  X509_set_pubkey(certificate.get(), key);
  const auto* text = reinterpret_cast<const unsigned char*>(name);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC, text, -1, -1, 0);
  return certificate;
}

}  // namespace

struct Authority::Impl {
  explicit Impl(const char* name) : certificate(make(key.get(), name, 1, 30)) {}
  Key key{EVP_EC_gen("P-256")};
  Certificate certificate;
  long last_serial = 1;
};

Authority::Authority(const char* name) : impl_(std::make_unique<Impl>(name)) {
  X509* certificate = impl_->certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign");
  require(X509_sign(certificate, impl_->key.get(), EVP_sha256()) != 0);
}

Authority::~Authority() = default;

std::string Authority::certificate() const {
  return pem([&](BIO* bio) { return PEM_write_bio_X509(bio, impl_->certificate.get()); });
}

Identity Authority::issue(const std::string& alternative_names, int64_t valid_days) const {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate = make(key.get(), "test server", ++impl_->last_serial, valid_days);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(impl_->certificate.get()));
  add_extension(certificate.get(), impl_->certificate.get(), NID_subject_alt_name, alternative_names.c_str());
  require(X509_sign(certificate.get(), impl_->key.get(), EVP_sha256()) != 0);
  return {pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); }), pem([&](BIO* bio) {
            return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

}  // namespace tau::test
