# The web side: logic (Vitest), types, house rules, and what it weighs. Node and node_modules are there because the
# build of the program needed them.
if(BL_WEB AND TARGET behaviorlens)
  set(web ${CMAKE_SOURCE_DIR}/dashboard)
  add_test(NAME web.vitest COMMAND ${BL_NPM} test --silent WORKING_DIRECTORY ${web})
  add_test(NAME web.types COMMAND ${BL_NPM} run --silent typecheck WORKING_DIRECTORY ${web})
  add_test(NAME web.lint COMMAND ${BL_NPM} run --silent lint WORKING_DIRECTORY ${web})
  add_test(NAME web.weight COMMAND ${BL_NODE} scripts/weigh.mjs ${CMAKE_BINARY_DIR}/web/files WORKING_DIRECTORY ${web})
  set_tests_properties(web.vitest web.types web.lint web.weight PROPERTIES LABELS web TIMEOUT 900)

  # People in a real browser (Chromium: /usr/bin/chromium, or BL_CHROMIUM) against the real program.
  add_test(NAME browser.all COMMAND ${BL_NODE} node_modules/vitest/vitest.mjs run --config e2e/vitest.config.ts
           WORKING_DIRECTORY ${web})
  set_tests_properties(browser.all PROPERTIES LABELS browser TIMEOUT 3600 RUN_SERIAL ON
                       ENVIRONMENT BL_PROGRAM=$<TARGET_FILE:behaviorlens>)
endif()
