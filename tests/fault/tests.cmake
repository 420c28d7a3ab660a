# What happens when things die. Real processes, kill -9.
function(bl_fault name)
  add_test(NAME fault.${name}
           COMMAND ${BASH_PROGRAM} ${CMAKE_CURRENT_SOURCE_DIR}/fault/${name}.sh $<TARGET_FILE:behaviorlens> ${ARGN})
  set_tests_properties(fault.${name} PROPERTIES LABELS fault TIMEOUT 300 RUN_SERIAL TRUE)
endfunction()

if(TARGET behaviorlens)
  bl_fault(test_crash)
  bl_fault(test_failover)
  bl_fault(test_store_back)
  bl_fault(test_torn_aof)
  bl_fault(test_rules)
  if(CMAKE_BUILD_TYPE STREQUAL Debug)
    bl_fault(test_poison)
  endif()
  bl_fault(test_alerts $<TARGET_FILE:hook_receiver>)
endif()
