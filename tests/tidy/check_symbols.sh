#!/usr/bin/env bash
# Fails when a pure layer needs something impure: a thread, a clock, a socket, a file, randomness, an output.
# (A mutex of Boost.System's error categories is the one exception.)
# usage: check_symbols.sh LIBRARY...
set -euo pipefail
impure='^(pthread_(create|join|cond_.*|detach)|clock_.*|gettimeofday|time|nanosleep|usleep|sleep|rand(om)?|getrandom'
impure+='|getentropy|socket|connect|accept4?|bind|listen|(send|recv)(to|msg)?|poll|epoll_.*|select|open(at)?(64)?|f?open(64)?'
impure+='|read|write|fsync|fdatasync|mmap|rename|unlink|printf|puts|fwrite|getenv|exit|abort'
impure+='|std::(thread|this_thread|random_device|chrono|condition_variable|filesystem|basic_[a-z]*stream|c(out|err|in)\b).*)(@.*)?$'
for library in "$@"; do
  needed=$(nm -uC "$library" | sed -n 's/^ *U //p' | sort -u)
  if found=$(grep -E "$impure" <<<"$needed"); then
    printf '%s needs what it must not:\n%s\n' "$(basename "$library")" "$found"
    exit 1
  fi
  echo "$(basename "$library") is pure: $(wc -l <<<"$needed") symbols from elsewhere"
done
