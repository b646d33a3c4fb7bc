// Prints the tables of docs/configuration.md, as the server's own table of options gives them.
#include <cstdio>

#include "raftkit/config.hpp"

#include "server/options.hpp"

int main() {
  kvstore::ServerOptions options;
  const auto table = kvstore::make_option_table(options);
  if (const auto& valid = table->validity(); !valid) {
    std::fprintf(stderr, "%s\n", valid.error().message().c_str());
    return 1;
  }
  std::fputs(raftkit::config::markdown_text(*table).c_str(), stdout);
}
