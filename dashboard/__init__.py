"""The faces, which decide nothing: NiceGUI pages, the HTTP API and the command line."""
