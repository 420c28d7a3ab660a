# The reading side of the API in a process of its own, asked with curl.
add_library(bl_test_api STATIC support/api_server.c support/api_data.c)
target_link_libraries(bl_test_api PUBLIC bl_http bl_store bl_test_redis PkgConfig::JANSSON PkgConfig::UV
                                         PkgConfig::CMOCKA)
target_include_directories(bl_test_api PUBLIC support)
bl_warnings(bl_test_api)

bl_test(test_api e2e bl_test_api)
# bl_script(NAME LABEL ARGS...): tests/LABEL/NAME.sh with the program as its first argument.
function(bl_script name label)
  add_test(NAME ${label}.${name} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/${label}/${name}.sh $<TARGET_FILE:behaviorlens> ${ARGN})
  set_tests_properties(${label}.${name} PROPERTIES LABELS ${label} TIMEOUT 180)
endfunction()

if(TARGET behaviorlens)
  bl_script(test_up e2e)
  bl_script(test_simulate e2e)
  bl_script(test_api_live e2e)
  bl_script(test_cli e2e ${CMAKE_SOURCE_DIR})
  bl_script(replay_pipeline e2e)
  bl_script(test_replay e2e)
  bl_script(live_replay e2e)
  bl_script(test_rules e2e)
  bl_script(test_up_rules e2e)
  bl_script(test_systemd e2e ${CMAKE_SOURCE_DIR})
  bl_script(test_explain e2e $<TARGET_FILE:http_peer>)
  bl_script(test_access e2e)
  bl_script(test_up_access e2e)
  bl_script(test_erase e2e)
  bl_script(test_privacy e2e)
  bl_script(test_idle e2e)
endif()

# The way in: the program itself, and a client that sends any bytes.
if(TARGET behaviorlens)
  add_library(bl_test_serve STATIC support/serve_process.c support/serve_story.c)
  target_link_libraries(bl_test_serve PUBLIC bl_test_redis PkgConfig::CMOCKA)
  target_include_directories(bl_test_serve PUBLIC support)
  target_compile_definitions(bl_test_serve PRIVATE PROGRAM="$<TARGET_FILE:behaviorlens>")
  bl_warnings(bl_test_serve)
  bl_test(test_serve e2e bl_test_serve)
  bl_test(test_serve_store e2e bl_test_serve)
  bl_test(test_slow e2e bl_test_serve)
  bl_test(test_malformed e2e bl_test_serve)
  bl_test(test_packed e2e bl_test_serve PkgConfig::ZLIB)
  target_compile_definitions(test_malformed PRIVATE CASES="${CMAKE_CURRENT_SOURCE_DIR}/malformed")
  add_dependencies(bl_test_serve behaviorlens)
endif()

bl_test(test_stream e2e bl_http PkgConfig::UV)
target_sources(test_stream PRIVATE support/serve_process.c)
target_include_directories(test_stream PRIVATE ${CMAKE_SOURCE_DIR}/src/http)

# Alerts, and who gets them.
add_executable(hook_receiver support/hook_receiver.c)
target_link_libraries(hook_receiver PRIVATE PkgConfig::UV PkgConfig::OPENSSL)
bl_warnings(hook_receiver)
if(TARGET behaviorlens)
  bl_script(test_alerts e2e $<TARGET_FILE:hook_receiver>)
endif()

# What browsers get, and what the API's description says.
if(TARGET behaviorlens)
  bl_script(test_web e2e $<IF:$<BOOL:${BL_WEB}>,ON,OFF>)
  bl_script(test_live_stream e2e)
  bl_script(test_openapi e2e ${CMAKE_SOURCE_DIR})
  bl_script(test_tls e2e)
endif()

# What serve refuses so that it and the store stay well.
if(TARGET behaviorlens)
  bl_script(test_limits e2e)
  bl_script(test_backlog_bytes e2e)
endif()
