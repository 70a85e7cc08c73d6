"""The HTTP face: routes by audience behind one guard. `app.build_app` puts it together; nothing else is public."""
