# What happens when things die. Real processes, kill -9.
function(bl_fault name)
  add_test(NAME fault.${name}
           COMMAND ${BASH_PROGRAM} ${CMAKE_CURRENT_SOURCE_DIR}/fault/${name}.sh $<TARGET_FILE:behaviorlens> ${ARGN})
  set_tests_properties(fault.${name} PROPERTIES LABELS fault TIMEOUT 300 RUN_SERIAL TRUE)
endfunction()

# In Python, for what a shell is too small for: tests/support/rig.
function(bl_fault_rig name)
  add_test(NAME fault.${name} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/fault/${name} ${ARGN} $<TARGET_FILE:behaviorlens>)
  set_tests_properties(fault.${name} PROPERTIES LABELS fault TIMEOUT 300 RUN_SERIAL TRUE)
endfunction()

if(TARGET behaviorlens)
  bl_fault_rig(test_kills.py)
  bl_fault_rig(test_network.py)
  bl_fault_rig(test_clocks.py)
  bl_fault_rig(soak --minutes 0.7 --round 20)
  bl_fault(test_crash)
  bl_fault(test_failover)
  bl_fault(test_store_back)
  bl_fault(test_torn_aof)
  bl_fault(test_store_full)
  bl_fault(test_rules)
  if(CMAKE_BUILD_TYPE STREQUAL Debug)
    bl_fault(test_poison)
  endif()
  bl_fault(test_alerts $<TARGET_FILE:hook_receiver>)
endif()
