// The functions that every dialect's namespace has, under the names that all of them use: dialect.cpp makes a
// Dialect of them.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "wire/wire.h"

#define TAU_DIALECT_FUNCTIONS                                                                               \
  StatusOr<Request> decode_request(std::string_view body);                                                  \
  StatusOr<std::string> encode_request(const Request& request, const Quirks& quirks, const Target& target); \
  StatusOr<Response> decode_response(std::string_view body, const Quirks& quirks);                          \
  std::string encode_response(const Response& response);                                                    \
  std::unique_ptr<StreamDecoder> make_stream_decoder(const Quirks& quirks);                                 \
  std::unique_ptr<StreamEncoder> make_stream_encoder();
