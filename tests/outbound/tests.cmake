# The way out, against a peer that is slow, wrong, huge or gone (support/http_peer.c).
add_executable(http_peer support/http_peer.c)
target_link_libraries(http_peer PRIVATE PkgConfig::UV)
bl_warnings(http_peer)

bl_test(test_client outbound bl_outbound PkgConfig::UV)
target_include_directories(test_client PRIVATE ${CMAKE_SOURCE_DIR}/src/outbound)
target_compile_definitions(test_client PRIVATE PEER="$<TARGET_FILE:http_peer>")
add_dependencies(test_client http_peer)
