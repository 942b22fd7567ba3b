-- An M/M/1 queue against its closed form: the smallest configuration.
-- The mean wait before service is rho / (1 - rho) times the mean service time [Kleinrock 1975].
return {
    title = "M/M/1: mean wait against load",
    doc = "Customers at exponential intervals, one server with exponential service.",
    workload = {
        kind = "event_ring",
        service = "1ms",
        load = param("workload.load", 0.5),
        customers = param("customers", 200000),
    },
    sweep = {
        product = { ["workload.load"] = { 0.2, 0.5, 0.8 } },
        replications = 5,
    },
    measures = { "wait.mean", "wait.expected" },
    expectations = {
        {
            measure = "wait.mean",
            equals_measure = "wait.expected",
            within = 0.1,
            doc = "The closed form of an M/M/1 queue.",
        },
        { measure = "wait.mean", rises_with = "workload.load",
          citation = "derived: the mean wait of M/M/1 rises with its load" },
    },
    figure = {
        x = "workload.load",
        y = "wait.mean",
        x_label = "load",
        y_label = "mean wait",
        published = {
            {
                name = "M/M/1, closed form",
                points = { { 0.2, "0.25ms" }, { 0.5, "1ms" }, { 0.8, "4ms" } },
                citation = "L. Kleinrock, Queueing Systems, volume 1, 1975, section 3.2",
                confidence = "high",
            },
        },
        expectations = {
            { kind = "published", within = 0.1 },
            { kind = "monotone", direction = "rising" },
        },
    },
}
