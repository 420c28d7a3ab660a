# What users do and what the product says about it: the core and the partition, no store.
add_library(bl_story STATIC support/story.c)
target_link_libraries(bl_story PUBLIC bl_app PkgConfig::CMOCKA)
target_include_directories(bl_story PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/support)
bl_warnings(bl_story)

bl_test(test_rules story bl_story)
bl_test(test_frustration story bl_story)
bl_test(test_properties story bl_story)
