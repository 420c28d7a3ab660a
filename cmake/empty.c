/* A translation unit for a layer that has no file yet. */
typedef int bl_empty;
