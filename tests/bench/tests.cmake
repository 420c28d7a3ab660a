# What tests/bench/run and tests/bench/budget measure with.
function(bl_bench name)
  add_executable(bench_${name} ${ARGN})
  set_target_properties(bench_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
  bl_warnings(bench_${name})
endfunction()

bl_bench(load bench/load.c bench/load_request.c bench/load_site.c bench/load_clock.c)
bl_bench(bare_h2o bench/bare_h2o.c)
target_link_libraries(bench_bare_h2o PRIVATE PkgConfig::H2O PkgConfig::UV)
bl_bench(micro bench/micro.c bench/load_request.c bench/load_site.c bench/load_clock.c)
target_include_directories(bench_micro PRIVATE ${CMAKE_SOURCE_DIR}/src/store ${CMAKE_BINARY_DIR}/generated)
target_link_libraries(bench_micro PRIVATE bl_store PkgConfig::UV)
target_link_options(bench_micro PRIVATE -Wl,--wrap=getrandom)
bl_optimised_as_one(bench_micro)

# What a stage may cost, in instructions: of an optimised build of its own, in this one's directory.
add_test(NAME bench.budget COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/bench/budget ${CMAKE_BINARY_DIR}/optimised)
set_tests_properties(bench.budget PROPERTIES LABELS bench TIMEOUT 1800)

# That it measures is tested; what it measures, by hand (README, Speed).
if(TARGET behaviorlens)
  add_test(NAME bench.test_run COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/bench/test_run.sh ${CMAKE_BINARY_DIR})
  set_tests_properties(bench.test_run PROPERTIES LABELS bench TIMEOUT 1800)
endif()
