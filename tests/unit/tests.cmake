
bl_test(test_config unit bl_config)
target_compile_definitions(test_config PRIVATE BL_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
bl_test(test_ingest unit bl_app)
bl_test(test_state unit bl_wire)
bl_test(test_row unit bl_wire)

bl_test(test_query unit bl_app)
target_include_directories(test_query PRIVATE ${CMAKE_SOURCE_DIR}/src/app)

add_library(bl_test_decoding STATIC support/decoding.c)
target_include_directories(bl_test_decoding PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/support)
target_link_libraries(bl_test_decoding PUBLIC bl_wire PkgConfig::CMOCKA)
bl_warnings(bl_test_decoding)
bl_test(test_decode unit bl_test_decoding)
bl_test(test_fields unit bl_test_decoding)
bl_test(test_bodies unit bl_test_decoding)
bl_test(test_redact unit bl_test_decoding)
bl_test(test_base unit bl_base)
bl_test(test_share unit bl_app)
target_include_directories(test_share PRIVATE ${CMAKE_SOURCE_DIR}/src/app)

bl_test(test_readme unit bl_store)
target_compile_definitions(test_readme PRIVATE BL_README="${CMAKE_SOURCE_DIR}/README.md")
