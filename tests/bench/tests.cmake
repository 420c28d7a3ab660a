# Benchmarks are built on demand (tests/bench/run, tests/bench/budget do); none is part of the tests but the budget.
function(bl_bench name)
  add_executable(bench_${name} EXCLUDE_FROM_ALL ${ARGN})
  set_target_properties(bench_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
  bl_warnings(bench_${name})
endfunction()

bl_bench(load bench/load.c bench/load_request.c bench/load_site.c bench/load_clock.c)
bl_bench(bare_h2o bench/bare_h2o.c)
target_link_libraries(bench_bare_h2o PRIVATE PkgConfig::H2O PkgConfig::UV)
bl_bench(micro bench/micro.c bench/load_request.c bench/load_site.c bench/load_clock.c)
target_include_directories(bench_micro PRIVATE ${CMAKE_SOURCE_DIR}/src/store ${CMAKE_BINARY_DIR}/generated)
target_link_libraries(bench_micro PRIVATE bl_store PkgConfig::UV)
