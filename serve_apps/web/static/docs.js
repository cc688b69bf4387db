// Shows the description that the gateway gives of its own HTTP interface.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  // The viewer would otherwise ask a validator on the internet about our description.
  validatorUrl: null,
});
