# Workers over a store in memory, on schedules that a seed decides, with and without faults planted on purpose. The
# worker and the partition are compiled a second time here, with the faults (app/plant.h) and with small bounds.
file(GLOB BL_SIM_APP CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/app/worker*.c)
foreach(name partition seen share arena)
  list(APPEND BL_SIM_APP ${CMAKE_SOURCE_DIR}/src/app/${name}.c)
endforeach()
set(BL_SIM_OWN main schedule traffic world net store judge table)
list(TRANSFORM BL_SIM_OWN REPLACE "(.+)" "sim/\\1.c")
add_executable(simulation ${BL_SIM_OWN} ${BL_SIM_APP})
target_compile_definitions(simulation PRIVATE BL_SIMULATION)
target_include_directories(simulation PRIVATE sim ${CMAKE_SOURCE_DIR}/src/app)
target_compile_options(simulation PRIVATE -include ${CMAKE_CURRENT_SOURCE_DIR}/sim/bounds.h -O1)
target_link_libraries(simulation PRIVATE bl_app)
bl_warnings(simulation)

function(bl_sim name seeds)
  add_test(NAME sim.${name} COMMAND simulation --seeds ${seeds} ${ARGN})
  set_tests_properties(sim.${name} PROPERTIES LABELS sim TIMEOUT 120)
endfunction()

bl_sim(schedules 1..2000)
# One test for each planted fault: it fails if the fault is not found.
file(STRINGS ${CMAKE_SOURCE_DIR}/src/app/plant.h BL_SIM_PLANTS REGEX "^ *X\\([A-Z_]+, \"")
foreach(line ${BL_SIM_PLANTS})
  string(REGEX MATCH "\"([a-z-]+)\"" name "${line}")
  bl_sim(plant_${CMAKE_MATCH_1} 1..2000 --plant ${CMAKE_MATCH_1})
endforeach()
