# bl_embed_web(TARGET): the web side (dashboard/: dashboard, demo shop, tracker) becomes part of TARGET, so that the
# program needs no file at run time. With BL_WEB it is built here by npm, out of source: only node_modules stands in
# dashboard/, which all build directories share (under a lock). Without it the program carries the description of the
# API alone, and says at `/` how the rest is had.
option(BL_WEB "Build the web side with npm and embed it" ON)

function(bl_embed_web target)
  set(web ${CMAKE_SOURCE_DIR}/dashboard)
  set(out ${CMAKE_BINARY_DIR}/web)
  set(made ${out}/bl_web.c)
  set(further /openapi.json=${web}/openapi.json)
  if(BL_WEB)
    find_program(BL_NPM npm)
    find_program(BL_NODE NAMES node nodejs)
    if(NOT BL_NPM OR NOT BL_NODE)
      message(FATAL_ERROR "The dashboard is built with npm, which is not installed. Either install it "
                          "(`apt-get install npm`, which brings Node 18 on Debian 12; `deploy/install build` does) "
                          "or build without the dashboard: cmake -DBL_WEB=OFF")
    endif()
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${web}/app/* ${web}/demo/* ${web}/tracker/* ${web}/scripts/*)
    file(GLOB top CONFIGURE_DEPENDS ${web}/*.json ${web}/*.ts ${web}/.npmrc)
    list(FILTER sources EXCLUDE REGEX "/(node_modules|dist)/")
    list(APPEND further /favicon.svg=${web}/app/src/icon.svg)
    add_custom_command(
      OUTPUT ${made}
      COMMAND flock ${web} sh ${CMAKE_SOURCE_DIR}/cmake/build_web.sh ${BL_NPM} ${web} ${out}/files
      COMMAND ${BL_NODE} ${CMAKE_SOURCE_DIR}/cmake/embed_web.mjs ${out} ${out}/files ${further}
      DEPENDS ${sources} ${top} ${CMAKE_SOURCE_DIR}/cmake/embed_web.mjs ${CMAKE_SOURCE_DIR}/cmake/build_web.sh
      COMMENT "Building the web side" VERBATIM)
  else()
    add_custom_command(
      OUTPUT ${made}
      COMMAND ${CMAKE_COMMAND} -DOUT=${made} -DFILE=${web}/openapi.json -DURL=/openapi.json
              -P ${CMAKE_SOURCE_DIR}/cmake/embed_plain.cmake
      DEPENDS ${web}/openapi.json ${CMAKE_SOURCE_DIR}/cmake/embed_plain.cmake
      VERBATIM)
  endif()
  target_sources(${target} PRIVATE ${made})
endfunction()
