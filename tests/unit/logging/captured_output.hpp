// What a piece of work writes to files and standard streams.
#pragma once

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <unistd.h>

namespace raftkit::logging::test {

/// A path that goes when the test ends.
class TemporaryPath {
 public:
  explicit TemporaryPath(const std::string& name)
      : path_(std::filesystem::temp_directory_path() /
              ("raftkit-log-" + std::to_string(getpid()) + name)) {
    std::filesystem::remove(path_);
  }
  TemporaryPath(const TemporaryPath&) = delete;
  TemporaryPath& operator=(const TemporaryPath&) = delete;
  TemporaryPath(TemporaryPath&&) = delete;
  TemporaryPath& operator=(TemporaryPath&&) = delete;
  ~TemporaryPath() { std::filesystem::remove(path_); }

  [[nodiscard]] std::string text() const { return path_; }
  [[nodiscard]] std::string content() const {
    std::ostringstream content;
    content << std::ifstream(path_).rdbuf();
    return content.str();
  }

 private:
  std::filesystem::path path_;
};

/// What is written to `descriptor` goes to `target` as long as this lives.
class Redirection {
 public:
  Redirection(int descriptor, int target) : descriptor_(descriptor), saved_(dup(descriptor)) {
    dup2(target, descriptor_);
  }
  Redirection(const Redirection&) = delete;
  Redirection& operator=(const Redirection&) = delete;
  Redirection(Redirection&&) = delete;
  Redirection& operator=(Redirection&&) = delete;
  ~Redirection() {
    dup2(saved_, descriptor_);
    close(saved_);
  }

 private:
  int descriptor_;
  int saved_;
};

/// What `work` writes to a standard stream.
template <class Work>
std::string output_of(int descriptor, Work work) {
  const TemporaryPath path("-stream-" + std::to_string(descriptor));
  const int file = open(path.text().c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  {
    const Redirection redirection(descriptor, file);
    work();
  }
  close(file);
  return path.content();
}

}  // namespace raftkit::logging::test
