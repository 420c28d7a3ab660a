# Tests against a real redis-server of their own (support/redis_server.h).
add_library(bl_test_redis STATIC support/redis_server.c)
target_link_libraries(bl_test_redis PUBLIC PkgConfig::HIREDIS)
target_include_directories(bl_test_redis PUBLIC support)
bl_warnings(bl_test_redis)

bl_test(test_link redis bl_store bl_test_redis PkgConfig::UV)
add_library(bl_test_side STATIC support/side.c)
target_link_libraries(bl_test_side PUBLIC bl_store bl_test_redis PkgConfig::UV PkgConfig::CMOCKA)
bl_warnings(bl_test_side)

bl_test(test_world redis bl_test_side)
bl_test(test_retention redis bl_test_side)
add_library(bl_test_worker STATIC support/worker_rig.c)
target_link_libraries(bl_test_worker PUBLIC bl_store bl_test_redis PkgConfig::UV PkgConfig::CMOCKA)
bl_warnings(bl_test_worker)
bl_test(test_worker redis bl_test_worker)
bl_test(test_worker_rules redis bl_test_worker)
bl_test(test_dataset redis bl_store bl_test_redis PkgConfig::UV)
