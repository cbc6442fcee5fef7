"""The app in a browser (`v2s serve`): a small web server starts the app and carries its screen and keys."""
