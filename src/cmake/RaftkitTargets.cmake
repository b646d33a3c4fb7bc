# How every target of the project is made: warnings, sanitizers, compiler cache, and one function per kind
# of target.
include(GNUInstallDirs)

find_program(RAFTKIT_CCACHE ccache)
if(PROJECT_IS_TOP_LEVEL AND RAFTKIT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${RAFTKIT_CCACHE})
endif()

add_library(raftkit_warnings INTERFACE)
target_compile_options(raftkit_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wnon-virtual-dtor
  -Woverloaded-virtual -Wnull-dereference -Wextra-semi
  $<$<CXX_COMPILER_ID:GNU>:-Wduplicated-cond -Wlogical-op -Wuseless-cast>
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Release>>:-Wno-restrict>  # with -O3, g++ 12 warns of std::string's own
  $<$<BOOL:${RAFTKIT_WARNINGS_AS_ERRORS}>:-Werror>)

if(RAFTKIT_SANITIZE)
  add_compile_options(-fsanitize=${RAFTKIT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${RAFTKIT_SANITIZE})
  if(RAFTKIT_SANITIZE MATCHES "thread")
    # Boost 1.74 fences in a way that -Wtsan rejects; fences are invisible to ThreadSanitizer anyway.
    add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)
  endif()
endif()

if(RAFTKIT_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "RAFTKIT_FUZZ needs clang, which has libFuzzer: -DCMAKE_CXX_COMPILER=clang++")
  endif()
  set(fuzz_sanitizers -fsanitize=fuzzer-no-link,address,undefined)
  add_compile_options(${fuzz_sanitizers} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(${fuzz_sanitizers})
endif()

# raftkit_uses_asio(<source>...)
# g++ 12 sees null pointers in Asio's scheduler where it inlines it, although it knows it for a system header.
function(raftkit_uses_asio)
  set_property(SOURCE ${ARGN} APPEND PROPERTY COMPILE_OPTIONS $<$<CXX_COMPILER_ID:GNU>:-Wno-null-dereference>)
endfunction()

# raftkit_layer(<name> [COMPONENT <component>] SOURCES ... [PUBLIC targets...] [PRIVATE targets...])
# A static library raftkit_<name>, alias raftkit::<name>, installed as a part of the package. COMPONENT core:
# usable without Asio, protobuf and LevelDB; all other layers are in the component "full".
function(raftkit_layer name)
  cmake_parse_arguments(ARG "" "COMPONENT" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  if(NOT ARG_COMPONENT)
    set(ARG_COMPONENT full)
  endif()
  add_library(raftkit_${name} STATIC ${ARG_SOURCES})
  add_library(raftkit::${name} ALIAS raftkit_${name})
  set_target_properties(raftkit_${name} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(raftkit_${name} PUBLIC cxx_std_20)
  target_include_directories(raftkit_${name}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(raftkit_${name} PUBLIC ${ARG_PUBLIC}
    PRIVATE $<BUILD_INTERFACE:raftkit_warnings> ${ARG_PRIVATE})
  install(TARGETS raftkit_${name} EXPORT raftkit-${ARG_COMPONENT} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endfunction()
