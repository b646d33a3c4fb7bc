// To be preloaded: a machine on which nothing is durable though everybody is told it is. A test
// that cuts the power must notice.
extern "C" {
int fsync(int /*file*/) {
  return 0;
}
int fdatasync(int /*file*/) {
  return 0;
}
}
