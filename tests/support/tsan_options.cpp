// For test programs that link LevelDB. Its library is not instrumented: ThreadSanitizer sees what
// it copies and compares, but not the atomics that put this in order. Locks and our own code it
// still sees.
#if defined(__SANITIZE_THREAD__)

// NOLINTNEXTLINE(bugprone-reserved-identifier, cert-dcl37-c, cert-dcl51-cpp): the hook's name
extern "C" const char* __tsan_default_options();
// NOLINTNEXTLINE(bugprone-reserved-identifier, cert-dcl37-c, cert-dcl51-cpp): the hook's name
extern "C" const char* __tsan_default_options() {
  return "ignore_noninstrumented_modules=1";
}

#endif
