"""XML: any schema, told by its shape, and formats that name themselves."""
