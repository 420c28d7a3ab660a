# Fuzz targets. With BL_FUZZ (preset fuzz) each is built as fuzz_NAME with libFuzzer:
#   build/fuzz/tests/fuzz_decode -max_total_time=600 -dict=tests/fuzz/dict/json.dict some-directory tests/fuzz/corpus/decode
# In every preset each also runs, as fuzz-smoke, over its corpus and a few thousand mutations that never change.
function(bl_fuzz name mutations)
  file(GLOB parts CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/${name}_*.c)
  add_executable(smoke_${name} fuzz/smoke.c fuzz/fuzz_${name}.c ${parts})
  target_link_libraries(smoke_${name} PRIVATE ${ARGN})
  bl_warnings(smoke_${name})
  add_test(NAME fuzz-smoke.${name}
           COMMAND smoke_${name} ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${name} ${mutations})
  set_tests_properties(fuzz-smoke.${name} PROPERTIES LABELS fuzz-smoke TIMEOUT 900)
  if(BL_FUZZ)
    add_executable(fuzz_${name} fuzz/fuzz_${name}.c ${parts})
    target_link_libraries(fuzz_${name} PRIVATE ${ARGN})
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    bl_warnings(fuzz_${name})
  endif()
endfunction()

bl_fuzz(decode 10000 bl_wire)
bl_fuzz(state 10000 bl_wire)
bl_fuzz(rules 5000 bl_wire)
bl_fuzz(core 1000 bl_wire)
bl_fuzz(message 5000 bl_wire)

# Of the HTTP side, the parts that know no h2o.
bl_fuzz(head 20000 bl_http)
bl_fuzz(target 20000 bl_http)
bl_fuzz(body 5000 bl_http bl_wire)
foreach(name head target body)
  target_include_directories(smoke_${name} PRIVATE ${CMAKE_SOURCE_DIR}/src/http)
  if(BL_FUZZ)
    target_include_directories(fuzz_${name} PRIVATE ${CMAKE_SOURCE_DIR}/src/http)
  endif()
endforeach()

bl_fuzz(replies 3000 bl_store)
foreach(program smoke_replies fuzz_replies)
  if(TARGET ${program})
    target_include_directories(${program} PRIVATE ${CMAKE_SOURCE_DIR}/src/store)
  endif()
endforeach()
