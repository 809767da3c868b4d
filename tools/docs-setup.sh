# What a reader of the docs has before the first command: a default model. In CI it is a script.
stigmer config set model "scripted/$STIGMER_DOCS_ROOT/examples/projects/hello.yaml" >/dev/null
