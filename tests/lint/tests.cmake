# The house rules that a machine can check.
find_program(BASH_PROGRAM bash REQUIRED)
foreach(check layers core_is_pure sizes format scripts)
  add_test(NAME lint.${check} COMMAND ${BASH_PROGRAM} ${CMAKE_CURRENT_SOURCE_DIR}/lint/${check}.sh ${CMAKE_SOURCE_DIR})
  set_tests_properties(lint.${check} PROPERTIES LABELS lint TIMEOUT 600 SKIP_RETURN_CODE 77)
endforeach()
if(TARGET behaviorlens)
  add_test(NAME lint.hooks COMMAND ${BASH_PROGRAM} ${CMAKE_CURRENT_SOURCE_DIR}/lint/hooks.sh $<TARGET_FILE:behaviorlens>
           "${CMAKE_BUILD_TYPE}")
  set_tests_properties(lint.hooks PROPERTIES LABELS lint TIMEOUT 600)
endif()
