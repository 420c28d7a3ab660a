# Workers over a store in memory, on schedules that a seed decides, with and without faults planted on purpose. The
# worker and the partition are compiled a second time here, with the faults (app/plant.h) and with small bounds.
file(GLOB BL_SIM_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/sim/*.c ${CMAKE_SOURCE_DIR}/src/app/worker/*.c
  ${CMAKE_SOURCE_DIR}/src/app/partition/*.c)
foreach(name erased arena latency)
  list(APPEND BL_SIM_SOURCES ${CMAKE_SOURCE_DIR}/src/app/${name}.c)
endforeach()

function(bl_simulation name)
  add_executable(${name} ${BL_SIM_SOURCES} support/hunger.c ${ARGN})
  target_compile_definitions(${name} PRIVATE BL_SIMULATION _GNU_SOURCE)
  target_link_options(${name} PRIVATE ${HUNGER_OPTIONS})
  target_include_directories(${name} PRIVATE sim support ${CMAKE_SOURCE_DIR}/src/app)
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:C>:-include ${CMAKE_CURRENT_SOURCE_DIR}/sim/bounds.h>)
endfunction()

function(bl_sim name program seeds)
  add_test(NAME sim.${name} COMMAND ${program} --seeds ${seeds} ${ARGN})
  set_tests_properties(sim.${name} PROPERTIES LABELS sim TIMEOUT 600)
endfunction()

bl_simulation(simulation)
target_link_libraries(simulation PRIVATE bl_app)
bl_warnings(simulation)
set(BL_SIM_FAST simulation)

# Sanitizers cost nine tenths of the schedules: where they are on, most run in a program that is optimised and has none,
# down to the bottom layer.
if(BL_SANITIZE)
  file(GLOB_RECURSE BL_SIM_BELOW CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/base/*.c ${CMAKE_SOURCE_DIR}/src/core/*.c
       ${CMAKE_SOURCE_DIR}/src/wire/*.c ${CMAKE_SOURCE_DIR}/src/wire/*.cc)
  set(BL_SIM_FAST simulation_fast)
  bl_simulation(simulation_fast ${BL_SIM_BELOW})
  foreach(layer core wire)
    target_include_directories(simulation_fast PRIVATE ${CMAKE_SOURCE_DIR}/src/${layer})
  endforeach()
  target_include_directories(simulation_fast PRIVATE ${CMAKE_SOURCE_DIR}/include)
  target_compile_options(simulation_fast PRIVATE -O2)
  target_link_libraries(simulation_fast PRIVATE PkgConfig::SIMDJSON PkgConfig::JANSSON)
  bl_sim(sanitized simulation 1..100)
endif()

bl_sim(schedules ${BL_SIM_FAST} 1..2000)
bl_sim(queued ${BL_SIM_FAST} 5201..5230) # 5214: a lease is lost while its owner waits for a careful one
# One test for each planted fault: it fails if the fault is not found.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/app/plant.h)
file(READ ${CMAKE_SOURCE_DIR}/src/app/plant.h text)
string(REGEX MATCHALL "X\\([A-Z_]+, \"[a-z-]+\"" BL_SIM_PLANTS "${text}")
foreach(plant ${BL_SIM_PLANTS})
  string(REGEX MATCH "\"([a-z-]+)\"" name "${plant}")
  bl_sim(plant_${CMAKE_MATCH_1} ${BL_SIM_FAST} 1..8000 --plant ${CMAKE_MATCH_1})
endforeach()
