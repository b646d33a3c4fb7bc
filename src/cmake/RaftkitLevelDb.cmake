# Debian's leveldb::leveldb asks for a library in vain: the target of the shared library names snappy, which only
# the library itself needs, and which has no development files where only LevelDB's are installed. Include this
# after find_package(leveldb) to link without it.
if(TARGET leveldb::leveldb)
  get_target_property(leveldb_type leveldb::leveldb TYPE)
  if(leveldb_type STREQUAL "SHARED_LIBRARY")
    set_target_properties(leveldb::leveldb PROPERTIES INTERFACE_LINK_LIBRARIES Threads::Threads)
  endif()
endif()
