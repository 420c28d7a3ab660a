# The warnings the house lives by (src/ARCHITECTURE.md, 5), and the sanitizers a preset asks for.
set(BL_WARN_COMMON -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wvla -Wformat=2 -Wundef
                   -Wswitch-enum -Wcast-qual -Wwrite-strings -Wnull-dereference)
set(BL_WARN_C -Wstrict-prototypes -Wmissing-prototypes)

function(bl_warnings target)
  target_compile_options(${target} PRIVATE ${BL_WARN_COMMON} -fno-common
                         $<$<COMPILE_LANGUAGE:C>:${BL_WARN_C}> $<$<BOOL:${BL_WERROR}>:-Werror>)
  # _FORTIFY_SOURCE needs the optimiser; uv.h and h2o.h need the GNU names. -O3: 2 % of a replay.
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
  target_compile_options(${target} PRIVATE -fstack-protector-strong $<$<CONFIG:RelWithDebInfo>:-O3>)
  # gcc clears structs of 100 to 500 bytes with `rep stos`, which takes longer to begin than the whole should: 2 % of a replay.
  if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    target_compile_options(${target} PRIVATE
                           $<$<CONFIG:RelWithDebInfo>:-mmemset-strategy=vector_loop:1024:noalign,libcall:-1:noalign>)
  endif()
  if(BL_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${BL_SANITIZE} -fno-sanitize-recover=all
                                             -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${BL_SANITIZE})
  endif()
  if(BL_FUZZ)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
endfunction()

# The layers are optimised as one in a release: 6 % of a replay. The objects can be linked without, too, so that only the
# programs that are deployed or measured pay for it (bl_optimised_as_one), not a hundred tests.
set(BL_LTO $<AND:$<CONFIG:RelWithDebInfo>,$<C_COMPILER_ID:GNU>>)
function(bl_optimisable target)
  target_compile_options(${target} PRIVATE $<${BL_LTO}:-flto=auto> $<${BL_LTO}:-ffat-lto-objects>)
endfunction()
function(bl_optimised_as_one target)
  target_link_options(${target} PRIVATE $<${BL_LTO}:-flto=auto> $<${BL_LTO}:-O3>)
endfunction()
