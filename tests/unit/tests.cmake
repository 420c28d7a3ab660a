
bl_test(test_config unit bl_config)
target_compile_definitions(test_config PRIVATE BL_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
