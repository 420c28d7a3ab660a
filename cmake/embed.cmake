# bl_embed_lua(TARGET): every lua/*.lua becomes a C string in the generated header bl_scripts.inc, one
# BL_SCRIPT(name, text) line each, so that the program carries its scripts and needs no file at run time.
function(bl_embed_lua target)
  file(GLOB scripts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/lua/*.lua)
  set(out ${CMAKE_BINARY_DIR}/generated/bl_scripts.inc)
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} "-DSCRIPTS=${scripts}" -P ${CMAKE_SOURCE_DIR}/cmake/embed_script.cmake
    DEPENDS ${scripts} ${CMAKE_SOURCE_DIR}/cmake/embed_script.cmake
    VERBATIM)
  add_custom_target(${target}_scripts DEPENDS ${out})
  add_dependencies(${target} ${target}_scripts)
  target_include_directories(${target} PRIVATE ${CMAKE_BINARY_DIR}/generated)
endfunction()
